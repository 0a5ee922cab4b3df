"""A shop's day, shown to whoever runs it: real processes, careless services, and what is left of it all."""

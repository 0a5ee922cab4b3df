"""A shop's day before the eyes of whoever runs it: real processes, careless services, and what is left of it all."""

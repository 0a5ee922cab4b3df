"""What people ask about their own data, and what is done about it."""

"""The command line: a group of commands a file, each command calls one function and shows what it gives back."""

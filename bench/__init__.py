"""The gateway measured beside what else could do its work: a plain proxy, and mitmproxy with an addon."""

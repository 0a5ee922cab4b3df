"""An outbound reverse proxy that lets personal data out only as a contract says."""

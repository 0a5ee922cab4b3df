"""Every codec fed with whatever a coverage-guided fuzzer makes up."""

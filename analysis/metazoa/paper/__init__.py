"""What docs/reproduction.md says, from all runs of `make paper`; and data for its controls."""

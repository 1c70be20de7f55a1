"""When and whether something starts a run: schedules, and proofs of who is calling."""

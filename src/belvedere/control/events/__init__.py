"""What happened: kept for as long as the footage of it, and told to those who may look at that."""

"""What billing decides, without storage."""

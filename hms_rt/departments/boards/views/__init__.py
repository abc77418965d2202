"""What boards say on paper."""

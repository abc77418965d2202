"""What notifications and on-call duty are; pure, it decides or raises."""

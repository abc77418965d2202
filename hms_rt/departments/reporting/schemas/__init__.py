"""What goes over the wire about service accounts, the feed and subscriptions."""

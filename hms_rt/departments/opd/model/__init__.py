"""What a token is, which moves it allows, which day it belongs to, and how long it waits. Pure."""

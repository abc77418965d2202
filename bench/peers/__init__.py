"""What hms-rt is compared with: Node's Socket.IO, stock python-socketio, and a loop in C that only sends."""

"""What runs by itself: the web part that takes triggers, and the worker that drains companies."""

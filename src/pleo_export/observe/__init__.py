"""What a running service tells about itself: logs, metrics, traces, and signs of life to systemd."""

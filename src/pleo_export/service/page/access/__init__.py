"""Who may see the page and press its buttons: users, sessions, roles."""

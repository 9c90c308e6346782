"""Which chats are held, with which targets, and when."""

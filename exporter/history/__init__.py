"""What became of chats: the last of them as they were, and all of them summed up by the minute."""

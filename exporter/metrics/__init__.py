"""Metrics of chats: names, buckets, recording, exposition."""

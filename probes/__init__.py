"""One streaming chat, sent and timed: the measuring core. Imports nothing else of chatprobe."""

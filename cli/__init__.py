"""The command `chatprobe`: one file a command, each loaded only when it is called."""

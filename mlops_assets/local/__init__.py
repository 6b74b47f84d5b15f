"""The stack on one machine: the home folder and its lock, the processes, the demo."""

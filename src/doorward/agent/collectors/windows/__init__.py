"""Facts of a Windows device, from PowerShell commands that print JSON."""

"""What other systems call to deliver their security events. No page, no cookie, no session."""

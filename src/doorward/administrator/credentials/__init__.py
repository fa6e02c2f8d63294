"""What a person signs in with: registering, naming, replacing and removing it; how strong it is.

Whoever changes something here has proved, a moment ago and as strongly as they can, who they are
(`assurance`), or comes by an invitation or an approved recovery. It opens no session: that is
`open_session`.
"""

"""What the OpenID Provider needs from the outside: JSON Web Tokens, and calls to applications."""

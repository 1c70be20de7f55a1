"""Pages of integrations: the library, connecting, managing connections, and the sign-in's way back."""

"""What a provider calls the things that we sell, where it wants products made before a checkout."""

from db.connection import acting_as_system, query


class ProviderProducts:
    """The products of one provider, by what is sold at which price."""

    def __init__(self, provider: str) -> None:
        self._provider = provider

    @acting_as_system("what a provider calls things")
    def find(self, fingerprint: str) -> str | None:
        """The provider's name of it; None where it was never made."""
        rows = query(
            "SELECT product FROM provider_products WHERE provider = %s AND fingerprint = %s",
            (self._provider, fingerprint),
        )
        return str(rows[0][0]) if rows else None

    @acting_as_system("what a provider calls things")
    def keep(self, fingerprint: str, product: str) -> None:
        """Remember a product; whoever made another at the same moment made one too many, which is harmless."""
        query(
            """INSERT INTO provider_products (provider, fingerprint, product) VALUES (%s, %s, %s)
               ON CONFLICT ON CONSTRAINT provider_products_pkey DO NOTHING""",
            (self._provider, fingerprint, product),
        )

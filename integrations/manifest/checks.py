from integrations.errors import Fault
from integrations.manifest.shape import Manifest


def check(manifest: Manifest) -> list[Fault]:
    return []

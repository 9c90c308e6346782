"""What TCP had to mend while a chat was under way: then something on the way lost segments, or let later ones overtake them."""

from __future__ import annotations

from typing import NamedTuple


class Mended(NamedTuple):
    """`out_of_order` counts segments from the server that came before an earlier one, `resent` those to it that were sent again."""

    out_of_order: int
    resent: int

    def since(self, earlier: Mended) -> Mended:
        return Mended(self.out_of_order - earlier.out_of_order, self.resent - earlier.resent)

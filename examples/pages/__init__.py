"""The storefront's pages, the same for every framework. They work without JavaScript."""

from mestres_examples.pages.assets import Assets
from mestres_examples.pages.site import Site

__all__ = ["Assets", "Site"]

"""The storefront's pages, the same for every framework. They work without JavaScript."""

from mestres_examples.pages.site import STATIC, Site

__all__ = ["STATIC", "Site"]

"""The demo catalogue: a coffee shop written by hand, one TOML file for each root of the category tree.

A variant is a list `[sku, name, price in centavos, gross weight in grams, stock in pieces]`. The SKU of the first
variant is also the product's key, so a product keeps its identity when its name is polished.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from mestres_core import ProductDraft, VariantDraft
from mestres_core.errors import FieldError, ValidationError
from mestres_core.rules.text import slug

FILES = ("graos", "moidos", "capsulas", "equipamentos", "acessorios", "presentes")
"""The files in the order in which their products are loaded."""

LABELS: Mapping[str, str] = {
    "regiao": "Região",
    "produtor": "Produtor",
    "variedade": "Variedade",
    "processo": "Processo",
    "torra": "Torra",
    "notas": "Notas",
    "altitude": "Altitude",
    "pontuacao": "Pontuação",
    "certificacao": "Certificação",
    "moagem": "Moagem",
    "compatibilidade": "Compatibilidade",
    "conteudo": "Conteúdo",
    "capacidade": "Capacidade",
    "material": "Material",
    "medidas": "Medidas",
    "potencia": "Potência",
    "tensao": "Tensão",
    "precisao": "Precisão",
    "cor": "Cor",
    "autoria": "Autoria",
    "paginas": "Páginas",
    "duracao": "Duração",
    "cacau": "Cacau",
}
"""What the attributes are called in the files (TOML's bare keys are ASCII) and in the shop."""


@cache
def load() -> tuple[ProductDraft, ...]:
    """Every product of the catalogue, always in the same order.

    Raises ValidationError when a key, slug or SKU occurs twice or a price is not positive.
    """
    drafts = tuple(draft for name in FILES for draft in _read(name))
    _check(drafts)
    return drafts


def _read(name: str) -> Iterator[ProductDraft]:
    text = files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    for product in table["product"]:
        yield _draft(product, root=table["category"], image=table["image"])


def _draft(product: Mapping[str, Any], *, root: str, image: str) -> ProductDraft:
    variants = tuple(
        VariantDraft(sku=sku, name=name, price=price, weight_grams=grams, stock=stock)
        for sku, name, price, grams, stock in product["variants"]
    )
    return ProductDraft(
        key=variants[0].sku,
        slug=slug(product["name"]),
        name=product["name"],
        description=product["text"],
        category=(root, product["in"]),
        attributes={LABELS[name]: value for name, value in product.get("attributes", {}).items()},
        variants=variants,
        images=(f"/static/img/{product.get('image', image)}.svg",),
        featured=product.get("featured", False),
    )


def _check(drafts: Iterable[ProductDraft]) -> None:
    drafts = tuple(drafts)
    variants = [variant for draft in drafts for variant in draft.variants]
    errors = [
        *_repeated("key", (draft.key for draft in drafts)),
        *_repeated("slug", (draft.slug for draft in drafts)),
        *_repeated("sku", (variant.sku for variant in variants)),
        *(FieldError.of(f"{v.sku}.price", "too_small", limit=1) for v in variants if v.price < 1),
    ]
    if errors:
        raise ValidationError(*errors)


def _repeated(field: str, values: Iterable[str]) -> Iterator[FieldError]:
    for value, times in Counter(values).items():
        if times > 1:
            yield FieldError.of(field, "duplicate", value=value)

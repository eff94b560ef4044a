"""Everything that mestres_core refuses, as one tree.

    CommerceError
    ├── ValidationError              an argument was wrong; `errors` names each field
    ├── NotFound                     no such product, cart, order, payment
    │   └── NotPublished             there is such a product, but the cart's channel does not show it
    ├── Conflict                     right in itself, impossible now
    │   ├── InsufficientStock        fewer pieces than asked for; `available` says how many
    │   ├── QuoteChanged             the promised total no longer holds; `quote` is the new promise
    │   ├── CartEmpty                nothing to buy
    │   ├── CartClosed               the cart has become an order, was merged or has expired
    │   ├── CouponNotApplicable      a coupon that does not count now; `reason` says why
    │   ├── InsufficientFunds        a gift card or store credit holds less than asked for
    │   ├── AccountNotUsable         a gift card that pays for nothing now; `reason` says why
    │   ├── VersionConflict          somebody else changed it first
    │   ├── IdempotencyConflict      the key was used for something else
    │   ├── AlreadyReviewed          a customer has one review of a product; `review_id` is the one there is
    │   ├── ErasureRefused           a customer has orders under way; `orders` are their numbers
    │   └── IllegalTransition        the order or payment is in another state
    ├── PaymentDeclined              the provider said no; `order` is the cancelled order
    ├── ProviderFailed               a payment provider gave no clear answer; ask again
    ├── InvalidSignature             a webhook that its provider did not sign
    ├── TransactionOwnershipError    the call needs transactions of its own, but was made inside the host's
    ├── RetryableError               deadlock, lock timeout, lost connection: the same transaction may pass next time
    ├── OutcomeUnknown               the connection was lost at the commit: done whole, or not at all
    ├── ExtensionFailed              an extension of the host's answered what it may not
    ├── PluginError                  a plugin that cannot be loaded, or does not go with another
    └── DatabaseNotReady             tables missing or out of date, SQLite without its settings

Every error has a stable `code`, the data it speaks of as attributes, and a sentence in English (`str(error)`) and in
Portuguese (`error.describe("pt-BR")`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

LOCALES = ("pt-BR", "en")

_FIELD_SENTENCES: dict[str, tuple[str, str]] = {
    "required": ("is required", "é obrigatório"),
    "not_text": ("must be text", "deve ser texto"),
    "not_integer": ("must be a whole number", "deve ser um número inteiro"),
    "not_boolean": ("must be true or false", "deve ser verdadeiro ou falso"),
    "not_list": ("must be a list", "deve ser uma lista"),
    "not_mapping": ("must be an object with named fields", "deve ser um objeto com campos nomeados"),
    "too_small": ("must be at least {limit}", "deve ser no mínimo {limit}"),
    "too_large": ("must be at most {limit}", "deve ser no máximo {limit}"),
    "too_long": ("must have at most {limit} characters", "deve ter no máximo {limit} caracteres"),
    "too_many": ("must have at most {limit} entries", "deve ter no máximo {limit} itens"),
    "unknown": ("is unknown; expected one of: {choices}", "é desconhecido; esperado um de: {choices}"),
    "invalid": ("is not valid: {reason}", "não é válido: {reason}"),
    "invalid_email": ("is not an e-mail address", "não é um endereço de e-mail"),
    "invalid_document": ("is not a valid CPF or CNPJ", "não é um CPF ou CNPJ válido"),
    "invalid_postal_code": ("must be a CEP of eight digits", "deve ser um CEP de oito dígitos"),
    "duplicate": ("is already taken: {value}", "já está em uso: {value}"),
    "no_price": ("has no price in {currency}", "não tem preço em {currency}"),
    "unknown_coupon": ("is not a coupon of this shop", "não é um cupom desta loja"),
    "unknown_gift_card": ("is not a gift card of this shop", "não é um vale-presente desta loja"),
    "not_covered": (
        "does not add up: the order costs {total} minor units, the payments bring {given}",
        "não fecha: o pedido custa {total} centavos e os pagamentos somam {given}",
    ),
    "unexpected": ("is not a field of this call", "não é um campo desta chamada"),
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field: its dotted name (`address.city`), why (a stable word), and the numbers the sentence needs."""

    field: str
    reason: str
    data: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def of(cls, field: str, reason: str, /, **data: Any) -> FieldError:
        """With the numbers as keywords."""
        return cls(field, reason, tuple(data.items()))

    def describe(self, locale: str = "en") -> str:
        """Say what is wrong, without the field's name."""
        english, portuguese = _FIELD_SENTENCES[self.reason]
        return (portuguese if locale == "pt-BR" else english).format(**dict(self.data))


_KINDS = {
    "address": "endereço",
    "cart": "carrinho",
    "attribute": "atributo",
    "category": "categoria",
    "channel": "canal",
    "collection": "coleção",
    "download": "download",
    "media": "mídia",
    "gift_card": "vale-presente",
    "job": "tarefa",
    "result": "resultado",
    "coupon": "cupom",
    "customer": "cliente",
    "customer group": "grupo de clientes",
    "line": "item",
    "location": "local de estoque",
    "lot": "lote",
    "order": "pedido",
    "code": "código",
    "price list": "lista de preços",
    "product": "produto",
    "promotion": "promoção",
    "provider": "provedor",
    "quote": "cotação",
    "shipping method": "forma de envio",
    "shipping zone": "zona de envio",
    "tax rate": "alíquota",
    "dead letter": "mensagem não entregue",
    "webhook delivery": "entrega de webhook",
    "webhook endpoint": "destino de webhook",
    "reservation": "reserva",
    "review": "avaliação",
    "sku": "SKU",
    "variant": "variante",
    "wish list": "lista de desejos",
}


class CommerceError(Exception):
    """The root: catching it catches everything that this package refuses.

    `survives` tells whether the transaction in which it was raised may still be committed: a refusal that has written
    nothing, or something worth keeping (a new quote), survives.
    """

    code: ClassVar[str] = "commerce_error"
    title: ClassVar[tuple[str, str]] = ("Commerce error", "Erro de comércio")
    sentence: ClassVar[tuple[str, str]] = ("{message}", "{message}")
    survives: ClassVar[bool] = False

    def __init__(self, **data: Any) -> None:
        self.data = data
        for name, value in data.items():
            setattr(self, name, value)
        super().__init__(self.describe())

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors travel between processes (workers, pools) with their data."""
        return _again, (type(self), self.data)

    def describe(self, locale: str = "en") -> str:
        """The whole sentence in `pt-BR` or, for any other locale, in English."""
        return self.sentence[locale == "pt-BR"].format(**self.data)


def _again(kind: type[CommerceError], data: dict[str, Any]) -> CommerceError:
    error = kind.__new__(kind)
    CommerceError.__init__(error, **data)
    return error


class ValidationError(CommerceError):
    """An argument was wrong. `errors` is a tuple of FieldError, one for each field; nothing was changed."""

    code = "validation_error"
    title = ("Invalid input", "Dados inválidos")
    errors: tuple[FieldError, ...]

    def __init__(self, *errors: FieldError) -> None:
        super().__init__(errors=errors)

    @classmethod
    def of(cls, field: str, reason: str, /, **data: Any) -> ValidationError:
        """The common case of one wrong field."""
        return cls(FieldError.of(field, reason, **data))

    def describe(self, locale: str = "en") -> str:
        """Every field with what is wrong with it."""
        return "; ".join(f"{error.field} {error.describe(locale)}" for error in self.errors)


class NotFound(CommerceError):
    """There is no `kind` with the given `id`."""

    code = "not_found"
    title = ("Not found", "Não encontrado")
    sentence = ("No {kind} {id!r}", "Não há {kind} {id!r}")
    kind: str
    id: Any

    def __init__(self, kind: str, id: Any) -> None:  # noqa: A002 - `id` is what the attribute is called everywhere
        super().__init__(kind=kind, id=id)

    def describe(self, locale: str = "en") -> str:
        """The sentence, with the kind in the language of the sentence."""
        kind = _KINDS.get(self.kind, self.kind) if locale == "pt-BR" else self.kind
        return self.sentence[locale == "pt-BR"].format(kind=kind, id=self.id)


class NotPublished(NotFound):
    """There is such a `sku`, but the `channel` does not show it now."""

    code = "not_published"
    title = ("Not published", "Não publicado")
    sentence = ("{sku} is not sold in channel {channel!r}", "{sku} não é vendido no canal {channel!r}")
    sku: str
    channel: str

    def __init__(self, *, sku: str, channel: str) -> None:
        CommerceError.__init__(self, kind="sku", id=sku, sku=sku, channel=channel)

    def describe(self, locale: str = "en") -> str:
        """The sentence."""
        return self.sentence[locale == "pt-BR"].format(sku=self.sku, channel=self.channel)


class Conflict(CommerceError):
    """Right in itself, but impossible in the present state."""

    code = "conflict"
    title = ("Conflict", "Conflito")


class InsufficientStock(Conflict):
    """`requested` pieces of `sku` were asked for and only `available` can be bought now."""

    code = "insufficient_stock"
    title = ("Insufficient stock", "Estoque insuficiente")
    sentence = (
        "Only {available} of {sku} can be bought now; {requested} were asked for",
        "Só há {available} de {sku} para comprar agora; foram pedidas {requested}",
    )
    sku: str
    requested: int
    available: int

    def __init__(self, *, sku: str, requested: int, available: int) -> None:
        super().__init__(sku=sku, requested=requested, available=available)


class QuoteChanged(Conflict):
    """The total that the buyer was promised no longer holds, or the promise has expired.

    `quote` is the new promise (its hash can be confirmed at once); `changes` maps what changed to (old, new).
    """

    code = "quote_changed"
    title = ("The quote has changed", "A cotação mudou")
    sentence = ("The quote no longer holds: {what}", "A cotação não vale mais: {what}")
    survives = True
    quote: Any
    changes: dict[str, tuple[Any, Any]]

    def __init__(self, *, quote: Any, changes: dict[str, tuple[Any, Any]]) -> None:
        super().__init__(quote=quote, changes=changes, what=", ".join(sorted(changes)) or "expired")


class CartEmpty(Conflict):
    """A cart without lines can be neither quoted nor bought."""

    code = "cart_empty"
    title = ("Empty cart", "Carrinho vazio")
    sentence = ("Cart {cart!r} is empty", "O carrinho {cart!r} está vazio")

    def __init__(self, cart: str) -> None:
        super().__init__(cart=cart)


_CLOSED: dict[str, tuple[str, str]] = {
    "ordered": ("has become an order", "já virou pedido"),
    "merged": ("has been merged into another one", "foi unido a outro"),
    "expired": ("was left alone for too long", "ficou parado tempo demais"),
}


class CartClosed(Conflict):
    """The cart cannot be changed any more. `reason`: ordered, merged (into the account's cart) or expired."""

    code = "cart_closed"
    title = ("Cart already closed", "Carrinho já fechado")
    sentence = ("Cart {cart!r} {why}", "O carrinho {cart!r} {why}")
    reason: str

    def __init__(self, cart: str, reason: str = "ordered") -> None:
        super().__init__(cart=cart, reason=reason)

    def describe(self, locale: str = "en") -> str:
        """The sentence, with the reason in the same language."""
        portuguese = locale == "pt-BR"
        return self.sentence[portuguese].format(cart=self.data["cart"], why=_CLOSED[self.reason][portuguese])


_PROMOTION_REASONS: dict[str, tuple[str, str]] = {
    "applied": ("it applies", "foi aplicada"),
    "inactive": ("it has been withdrawn", "foi retirado"),
    "not_yet": ("its time has not begun", "ainda não começou a valer"),
    "expired": ("its time is over", "já expirou"),
    "used_up": ("it has been used as often as it may be", "já foi usado o número máximo de vezes"),
    "used_up_by_customer": (
        "this customer has used it as often as one may",
        "este cliente já o usou o número máximo de vezes",
    ),
    "budget": ("its budget does not cover it any more", "a verba não cobre mais este desconto"),
    "currency": ("it is in another currency than the cart", "está em outra moeda que a do carrinho"),
    "no_code": ("it needs a code", "precisa de um código"),
    "unknown_code": ("it is not a code of this shop any more", "não é mais um código desta loja"),
    "same_promotion": ("another code of the same promotion counts", "outro código da mesma promoção já vale"),
    "minimum": ("the cart is not worth enough", "o carrinho não atinge o valor mínimo"),
    "maximum": ("the cart is worth too much", "o carrinho passa do valor máximo"),
    "items": ("nothing in the cart is part of it", "nada no carrinho participa"),
    "quantity": ("there are too few pieces in the cart", "há poucas peças no carrinho"),
    "too_many": ("there are too many pieces in the cart", "há peças demais no carrinho"),
    "excluded": ("the cart holds something that excludes it", "há algo no carrinho que o exclui"),
    "group": ("it is for another group of customers", "vale para outro grupo de clientes"),
    "orders": ("it depends on the orders that the customer has had", "depende dos pedidos que o cliente já fez"),
    "channel": ("it is for another channel", "vale em outro canal"),
    "country": ("it is for other countries", "vale em outros países"),
    "shipping_method": ("it is for other ways of shipping", "vale para outras formas de envio"),
    "hours": ("it does not count on this day or at this hour", "não vale neste dia ou horário"),
    "pieces": ("no whole set of pieces is there", "não há um conjunto completo de peças"),
    "nothing_left": ("nothing is left to take off", "não resta valor a descontar"),
    "no_shipping": ("there is no price of shipping to take off", "não há frete a descontar"),
    "exclusive": ("another promotion excludes all others", "outra promoção exclui as demais"),
    "not_best": ("another promotion is better", "outra promoção é melhor"),
    "unreadable": (
        "it speaks of conditions or actions that this shop does not know any more",
        "fala de condições ou ações que esta loja não conhece mais",
    ),
    "stopped": ("another promotion is the last one that counts", "outra promoção encerra os descontos"),
}


def coupon_reason(reason: str, locale: str = "en") -> str:
    """Why a promotion or coupon applied or did not, for people."""
    known = _PROMOTION_REASONS.get(reason)
    return reason if known is None else known[locale == "pt-BR"]  # a shop's own condition has words of its own


class CouponNotApplicable(Conflict):
    """The coupon exists and does not count now; `reason` is a stable word: inactive, not_yet, expired, used_up..."""

    code = "coupon_not_applicable"
    title = ("Coupon not applicable", "Cupom não aplicável")
    sentence = ("Coupon {coupon} does not count: {why}", "O cupom {coupon} não vale: {why}")
    coupon: str
    reason: str

    def __init__(self, *, coupon: str, reason: str) -> None:
        super().__init__(coupon=coupon, reason=reason)

    def describe(self, locale: str = "en") -> str:
        """The sentence, with the reason in the same language."""
        why = coupon_reason(self.reason, locale)
        return self.sentence[locale == "pt-BR"].format(coupon=self.coupon, why=why)


class InsufficientFunds(Conflict):
    """`requested` minor units were to be taken from `account` (the end of a gift card's code); it has `available`."""

    code = "insufficient_funds"
    title = ("Insufficient funds", "Saldo insuficiente")
    sentence = (
        "Account {account} holds {available} minor units; {requested} were asked for",
        "A conta {account} tem {available} centavos; foram pedidos {requested}",
    )
    account: str
    requested: int
    available: int

    def __init__(self, *, account: str, requested: int, available: int) -> None:
        super().__init__(account=account, requested=requested, available=available)


_ACCOUNT_REASONS: dict[str, tuple[str, str]] = {
    "currency": ("it is in another currency", "está em outra moeda"),
    "inactive": ("it has been switched off", "foi desativado"),
    "expired": ("its time is over", "já expirou"),
    "empty": ("nothing is left on it", "não tem mais saldo"),
}


class AccountNotUsable(Conflict):
    """A gift card or store credit that pays for nothing now; `reason`: currency, inactive, expired, empty."""

    code = "account_not_usable"
    title = ("Gift card not usable", "Vale-presente não utilizável")
    sentence = ("Account {account} cannot be used: {why}", "A conta {account} não pode ser usada: {why}")
    account: str
    reason: str

    def __init__(self, *, account: str, reason: str) -> None:
        super().__init__(account=account, reason=reason)

    def describe(self, locale: str = "en") -> str:
        """The sentence, with the reason in the same language."""
        why = _ACCOUNT_REASONS[self.reason][locale == "pt-BR"]
        return self.sentence[locale == "pt-BR"].format(account=self.account, why=why)


class VersionConflict(Conflict):
    """The caller expected version `expected`, but the cart or order is at `actual`."""

    code = "version_conflict"
    title = ("Changed meanwhile", "Alterado nesse meio-tempo")
    sentence = ("Expected version {expected}, found {actual}", "Esperada a versão {expected}, encontrada {actual}")

    def __init__(self, *, expected: int, actual: int) -> None:
        super().__init__(expected=expected, actual=actual)


class IdempotencyConflict(Conflict):
    """The idempotency key was used before with a different request."""

    code = "idempotency_conflict"
    title = ("Idempotency key reused", "Chave de idempotência reutilizada")
    sentence = (
        "The idempotency key {key!r} was already used for a different request",
        "A chave de idempotência {key!r} já foi usada em outra requisição",
    )

    def __init__(self, key: str) -> None:
        super().__init__(key=key)


class AlreadyReviewed(Conflict):
    """A customer has one review of a product; `review_id` is the one there is, which can be edited."""

    code = "already_reviewed"
    title = ("Already reviewed", "Já avaliado")
    sentence = (
        "This customer has reviewed product {product_id} already; edit review {review_id}",
        "Este cliente já avaliou o produto {product_id}; edite a avaliação {review_id}",
    )

    def __init__(self, *, product_id: int, review_id: int) -> None:
        super().__init__(product_id=product_id, review_id=review_id)


class ErasureRefused(Conflict):
    """A customer has orders that are still to be paid or sent; `orders` are their numbers."""

    code = "erasure_refused"
    title = ("Orders under way", "Pedidos em andamento")
    sentence = (
        "The customer has orders under way: {numbers}",
        "O cliente tem pedidos em andamento: {numbers}",
    )
    orders: tuple[str, ...]

    def __init__(self, *, orders: tuple[str, ...]) -> None:
        super().__init__(orders=orders, numbers=", ".join(orders))


class IllegalTransition(Conflict):
    """`what` (an order or a payment) cannot go from `state` to `target`."""

    code = "illegal_transition"
    title = ("Not possible in this state", "Impossível neste estado")
    sentence = ("{what} cannot go from {state} to {target}", "{what} não pode ir de {state} para {target}")

    def __init__(self, *, what: str, state: str, target: str) -> None:
        super().__init__(what=what, state=state, target=target)


class PaymentDeclined(CommerceError):
    """The provider refused the payment. The order is cancelled, its stock is free again, the cart is open again."""

    code = "payment_declined"
    title = ("Payment declined", "Pagamento recusado")
    sentence = ("The payment of order {number} was declined", "O pagamento do pedido {number} foi recusado")
    order: Any

    def __init__(self, *, order: Any) -> None:
        super().__init__(order=order, number=order.number)


class ProviderFailed(CommerceError):
    """A payment provider gave no clear answer. Calling again is safe: it does the same thing once."""

    code = "provider_failed"
    title = ("Payment provider failed", "Falha do provedor de pagamento")
    sentence = (
        "The payment provider {provider} gave no clear answer; try again",
        "O provedor de pagamento {provider} não deu resposta clara; tente de novo",
    )

    def __init__(self, provider: str) -> None:
        super().__init__(provider=provider)


class SearchUnavailable(CommerceError):
    """The search engine beside the database gave no answer. The shop answers from the database meanwhile."""

    code = "search_unavailable"
    title = ("Search engine unavailable", "Busca indisponível")
    sentence = (
        "The search engine gave no answer: {reason}",
        "O mecanismo de busca não respondeu: {reason}",
    )

    def __init__(self, reason: str) -> None:
        super().__init__(reason=reason)


class InvalidSignature(CommerceError):
    """A webhook whose signature is missing, wrong or too old."""

    code = "invalid_signature"
    title = ("Invalid signature", "Assinatura inválida")
    sentence = (
        "The signature of this {provider} event is not valid",
        "A assinatura deste evento de {provider} não é válida",
    )

    def __init__(self, provider: str) -> None:
        super().__init__(provider=provider)


class TransactionOwnershipError(CommerceError):
    """The call talks to a payment provider between two transactions, so it cannot run inside the host's."""

    code = "transaction_ownership"
    title = ("Needs its own transactions", "Precisa de transações próprias")
    sentence = (
        "{call} opens transactions of its own; inside a host's transaction use begin, pay and apply",
        "{call} abre transações próprias; dentro da transação do hospedeiro use begin, pay e apply",
    )

    def __init__(self, call: str) -> None:
        super().__init__(call=call)


class RetryableError(CommerceError):
    """Deadlock, serialization failure, lock timeout, lost connection. Roll back, try the whole transaction again."""

    code = "retryable"
    title = ("Busy, try again", "Ocupado, tente de novo")
    sentence = ("The database was busy: {reason}", "O banco de dados estava ocupado: {reason}")

    def __init__(self, reason: str) -> None:
        super().__init__(reason=reason)


class OutcomeUnknown(CommerceError):
    """The connection was lost at the commit: it is done whole, or not at all. Calls with a key may be repeated."""

    code = "outcome_unknown"
    title = ("Outcome unknown", "Resultado desconhecido")
    sentence = (
        "The connection was lost at the commit; look, or repeat the call with the same idempotency key",
        "A conexão caiu na confirmação; verifique, ou repita a chamada com a mesma chave de idempotência",
    )

    def __init__(self) -> None:
        super().__init__()


class ExtensionFailed(CommerceError):
    """An `extension` of the host's (a price resolver, a promotion's action...) answered what its protocol forbids."""

    code = "extension_failed"
    title = ("Extension failed", "Falha de extensão")
    sentence = (
        "{extension} answered what it may not: {reason}",
        "{extension} respondeu o que não pode: {reason}",
    )
    extension: str
    reason: str

    def __init__(self, extension: str, reason: str) -> None:
        super().__init__(extension=extension, reason=reason)


class PluginError(CommerceError):
    """`plugin` cannot be loaded or does not go with another one; `remedy` would put it right."""

    code = "plugin_error"
    title = ("Plugin not usable", "Plugin inutilizável")
    sentence = ("Plugin {plugin}: {reason}; {remedy}", "Plugin {plugin}: {reason}; {remedy}")
    plugin: str

    def __init__(self, plugin: str, reason: str, remedy: str) -> None:
        super().__init__(plugin=plugin, reason=reason, remedy=remedy)


class DatabaseNotReady(CommerceError):
    """The tables are missing or of another version, or a SQLite engine lacks the settings that make it safe."""

    code = "database_not_ready"
    title = ("Database not ready", "Banco de dados não preparado")
    sentence = ("{reason}; {remedy}", "{reason}; {remedy}")

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason=reason, remedy=remedy)


class FeedError(CommerceError):
    """The whole file or mapping is unusable: `what` was wrong with `path`, and `remedy` would put it right."""

    code = "feed_unusable"
    title = ("Unusable file", "Arquivo inutilizável")
    sentence = ("{path}: {what}; {remedy}", "{path}: {what}; {remedy}")

    def __init__(self, path: object, what: str, remedy: str) -> None:
        super().__init__(path=str(path), what=what, remedy=remedy)

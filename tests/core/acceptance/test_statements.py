"""What each call costs in statements, with 1 line and with 50: a budget that does not grow with the lines."""

from collections.abc import Callable
from typing import Any

from core_shop import ADDRESS, TestShop

Act = Callable[[], Any]


class Scene:
    """A shop with taxes, promotions, a coupon and a customer, and what a call needs to be made."""

    def __init__(self, shop: TestShop, lines: int) -> None:
        self.shop = shop
        self.lines = lines
        for index in range(lines):
            shop.product(f"S{index}", price=1990 + index, stock=500)
        shop.product("OTHER", price=777, stock=500)
        shop.tax.set_rate("ICMS", percent=7)
        shop.promotions.save_coupon("DEZ", percent=10, most_uses=1000)
        shop.buy("OTHER")

        self.filled = ""

    def cart(self) -> str:
        """A cart with that many lines and a coupon: filled once, then copied."""
        cart = self.shop.carts.create(owner="ana").id
        if self.filled:
            columns = "variant_id, quantity, attributes, attributes_key"
            self.shop.sql(
                f"INSERT INTO mc_cart_line (cart_id, {columns})"
                f" SELECT :to, {columns} FROM mc_cart_line WHERE cart_id = :of ORDER BY id",
                to=cart,
                of=self.filled,
            )
        else:
            # One that stays as it is: others are bought.
            self.filled = self.shop.carts.create(owner="ana").id
            with self.shop.transaction() as tx:
                for index in range(self.lines):
                    tx.carts.add(self.filled, sku=f"S{index}", quantity=2)
            return self.cart()
        self.shop.carts.add_coupon(cart, "DEZ")
        return cart

    def quote(self) -> dict[str, Any]:
        """What `begin` wants."""
        return self.shop.arguments(self.shop.quote(self.cart()))

    def order(self, token: str = "tok_ok") -> Any:
        """A placed order."""
        return self.shop.place(self.cart(), token).order


def _line(scene: Scene, cart: str) -> int:
    last: int = scene.shop.carts.get(cart).lines[-1].id
    return last


def _whole(order: Any) -> dict[int, int]:
    return {line.id: 1 for line in order.lines}


def _returned(scene: Scene) -> Any:
    order = scene.order()
    scene.shop.orders.fulfill(order.number)
    return scene.shop.orders.request_return(order.number, lines=_whole(order))


def _received(scene: Scene) -> Any:
    return scene.shop.orders.receive_return(_returned(scene).id)


def _edited(scene: Scene) -> Any:
    change = scene.shop.orders.begin_edit(scene.order().number)
    return scene.shop.orders.edit_add(change.id, sku="OTHER", quantity=1)


def _webhook(scene: Scene) -> Act:
    order = scene.order("pix")
    payment = order.payments[0]
    return lambda: scene.shop.webhook(payment.id, "captured", payment.amount.amount)


def on(make: Callable[[Scene], Any], act: Callable[[TestShop, Any], Any]) -> Callable[[Scene], Act]:
    """`act` on what `make` has made before the counting begins."""

    def prepared(scene: Scene) -> Act:
        made = make(scene)
        return lambda: act(scene.shop, made)

    return prepared


CALLS: dict[str, tuple[int, Callable[[Scene], Act]]] = {
    "carts.create": (1, on(lambda s: None, lambda shop, _: shop.carts.create())),
    "carts.get": (3, on(Scene.cart, lambda shop, cart: shop.carts.get(cart))),
    "carts.add": (8, on(Scene.cart, lambda shop, cart: shop.carts.add(cart, sku="OTHER"))),
    "carts.add, a line that is there": (8, on(Scene.cart, lambda shop, cart: shop.carts.add(cart, sku="S0"))),
    "carts.update": (
        6,
        on(lambda s: (c := s.cart(), _line(s, c)), lambda shop, made: shop.carts.update(*made, quantity=3)),
    ),
    "carts.remove": (6, on(lambda s: (c := s.cart(), _line(s, c)), lambda shop, made: shop.carts.remove(*made))),
    "carts.add_coupon": (8, on(Scene.cart, lambda shop, cart: shop.carts.add_coupon(cart, "DEZ"))),
    "carts.remove_coupon": (6, on(Scene.cart, lambda shop, cart: shop.carts.remove_coupon(cart, "DEZ"))),
    "carts.merge": (
        12,
        on(lambda s: (s.shop.cart(("OTHER", 1)), s.cart()), lambda shop, two: shop.carts.merge(two[0], into=two[1])),
    ),
    "checkout.quote": (8, on(Scene.cart, lambda shop, cart: shop.checkout.quote(cart, address=ADDRESS))),
    "checkout.begin": (15, on(Scene.quote, lambda shop, made: shop.checkout.begin(**made))),
    "checkout.place": (27, on(Scene.quote, lambda shop, made: shop.checkout.place(**made))),
    "payments.receive": (12, _webhook),
    "payments.summary": (3, on(Scene.order, lambda shop, order: shop.payments.summary(order.number))),
    "orders.get": (4, on(Scene.order, lambda shop, order: shop.orders.get(order.number))),
    "orders.list": (1, on(Scene.order, lambda shop, _: shop.orders.list())),
    "orders.cancel": (22, on(Scene.order, lambda shop, order: shop.orders.cancel(order.number))),
    "orders.cancel_lines": (
        20,
        on(Scene.order, lambda shop, order: shop.orders.cancel_lines(order.number, lines=_whole(order))),
    ),
    "orders.ship": (14, on(Scene.order, lambda shop, order: shop.orders.ship(order.number, lines=_whole(order)))),
    "orders.fulfill": (18, on(Scene.order, lambda shop, order: shop.orders.fulfill(order.number))),
    "orders.refund": (26, on(Scene.order, lambda shop, order: shop.orders.refund(order.number))),
    "orders.receive_return": (16, on(_returned, lambda shop, made: shop.orders.receive_return(made.id))),
    "orders.refund_return": (14, on(_received, lambda shop, made: shop.orders.refund_return(made.id))),
    "orders.preview_edit": (12, on(_edited, lambda shop, change: shop.orders.preview_edit(change.id))),
    "orders.commit_edit": (30, on(_edited, lambda shop, change: shop.orders.commit_edit(change.id))),
}


def test_every_call_keeps_to_its_budget(shop: TestShop) -> None:
    """At most so many statements; with 50 lines no more than with 1, but for one."""
    counts: dict[str, list[int]] = {call: [] for call in CALLS}
    wrong: dict[str, object] = {}
    for lines in (1, 50):
        scene = Scene(shop, lines)
        for call, (most, prepare) in CALLS.items():
            act = prepare(scene)
            with shop.statements() as sent:
                act()
            counts[call].append(len(sent))
            if len(sent) > most:
                wrong[call] = (most, lines, [statement[:100] for statement in sent])
    grown = {call: both for call, both in counts.items() if both[1] > both[0] + 1}
    assert (wrong, grown) == ({}, {})

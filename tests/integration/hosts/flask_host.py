"""A Flask app with users, products and orders of its own, and a shop inside."""

from flask import Flask, abort, jsonify
from sqlalchemy import select

from core_shop import ADDRESS, CUSTOMER
from integration.hosts.models import Order, User
from mestres_core.contrib.flask import FlaskShop, blueprint
from mestres_core.contrib.http import Api

PAYMENT = {"method": "card", "token": "tok_ok"}


def create_app(shop):
    """The app; one session for each request, the shop's and its own."""
    app = Flask(__name__)
    embedded = FlaskShop(shop)
    embedded.init_app(app)
    app.register_blueprint(blueprint(Api(shop)))

    @app.post("/users/<name>/orders/<sku>/<ending>")
    def order(name, sku, ending):
        user = embedded.session.scalars(select(User).where(User.name == name)).one()
        services = embedded.services
        cart = services.carts.create(owner=f"user:{user.id}")
        services.carts.add(cart.id, sku=sku, quantity=2)
        quote = services.checkout.quote(cart.id, address=ADDRESS)
        begun = services.checkout.begin(
            cart.id, quote_hash=quote.hash, idempotency_key=cart.id, customer=CUSTOMER, payment=PAYMENT
        )
        embedded.session.add(Order(user=user, shop_order=begun.order.number))
        embedded.session.flush()
        if ending == "fails":
            raise ZeroDivisionError
        if ending == "aborts":
            abort(400)
        return jsonify(number=begun.order.number)

    return app

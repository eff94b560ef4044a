-- A shop as revision 0011 left it: made once by the code of that revision, never written again.
SET check_function_bodies = false;
CREATE TABLE mc_account (
    id bigint NOT NULL,
    kind character varying(12) NOT NULL,
    code_hash character varying(64),
    hint character varying(4) NOT NULL,
    customer_id bigint,
    currency character varying(3) NOT NULL,
    balance bigint NOT NULL,
    active boolean NOT NULL,
    expires_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_mc_account_balance CHECK ((balance >= 0))
);
CREATE TABLE mc_account_entry (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    kind character varying(12) NOT NULL,
    amount bigint NOT NULL,
    payment_id character varying(64),
    reference character varying(120) NOT NULL,
    idempotency_key character varying(255),
    created_at timestamp with time zone NOT NULL
);
CREATE SEQUENCE mc_account_entry_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_account_entry_id_seq OWNED BY mc_account_entry.id;
CREATE SEQUENCE mc_account_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_account_id_seq OWNED BY mc_account.id;
CREATE TABLE mc_alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE mc_attribute (
    id bigint NOT NULL,
    product_id bigint NOT NULL,
    name character varying(60) NOT NULL,
    value character varying(400) NOT NULL,
    name_folded character varying NOT NULL COLLATE pg_catalog."C",
    value_folded character varying NOT NULL COLLATE pg_catalog."C",
    "position" integer NOT NULL
);
CREATE SEQUENCE mc_attribute_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_attribute_id_seq OWNED BY mc_attribute.id;
CREATE TABLE mc_cart (
    id character varying(64) NOT NULL,
    currency character varying(3) NOT NULL,
    status character varying(12) NOT NULL,
    version integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    owner character varying(120),
    channel character varying(40) DEFAULT 'default'::character varying NOT NULL,
    customer_group character varying(40),
    merged_into character varying(64),
    CONSTRAINT ck_mc_cart_merged CHECK ((((status)::text = 'merged'::text) = (merged_into IS NOT NULL)))
);
CREATE TABLE mc_cart_coupon (
    id bigint NOT NULL,
    cart_id character varying(64) NOT NULL,
    code character varying(40) NOT NULL
);
CREATE SEQUENCE mc_cart_coupon_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_cart_coupon_id_seq OWNED BY mc_cart_coupon.id;
CREATE TABLE mc_cart_line (
    id bigint NOT NULL,
    cart_id character varying(64) NOT NULL,
    variant_id bigint NOT NULL,
    quantity integer NOT NULL,
    attributes json DEFAULT '{}'::json NOT NULL,
    attributes_key character varying(32) DEFAULT ''::character varying NOT NULL,
    CONSTRAINT ck_mc_cart_line_quantity CHECK ((quantity > 0))
);
CREATE SEQUENCE mc_cart_line_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_cart_line_id_seq OWNED BY mc_cart_line.id;
CREATE TABLE mc_category (
    id bigint NOT NULL,
    parent_id bigint,
    slug character varying(120) NOT NULL,
    name character varying(120) NOT NULL,
    "position" integer NOT NULL
);
CREATE SEQUENCE mc_category_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_category_id_seq OWNED BY mc_category.id;
CREATE TABLE mc_customer (
    id bigint NOT NULL,
    email character varying(254) NOT NULL,
    name character varying(120) NOT NULL,
    document character varying(20) NOT NULL,
    token_hash character varying(64),
    created_at timestamp with time zone NOT NULL
);
CREATE SEQUENCE mc_customer_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_customer_id_seq OWNED BY mc_customer.id;
CREATE TABLE mc_idempotency (
    scope character varying(40) NOT NULL,
    key character varying(255) NOT NULL,
    request_hash character varying(64) NOT NULL,
    order_number character varying(32) NOT NULL,
    created_at timestamp with time zone NOT NULL
);
CREATE TABLE mc_image (
    id bigint NOT NULL,
    product_id bigint NOT NULL,
    url character varying(500) NOT NULL,
    alt character varying(200) NOT NULL,
    "position" integer NOT NULL
);
CREATE SEQUENCE mc_image_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_image_id_seq OWNED BY mc_image.id;
CREATE TABLE mc_job (
    id character varying(64) NOT NULL,
    kind character varying(20) NOT NULL,
    arguments json NOT NULL,
    status character varying(12) NOT NULL,
    done integer NOT NULL,
    total integer,
    errors json NOT NULL,
    error_count integer NOT NULL,
    result_size bigint,
    input bytea,
    attempts integer NOT NULL,
    leased_until timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone
);
CREATE TABLE mc_job_part (
    job_id character varying(64) NOT NULL,
    "position" bigint NOT NULL,
    data bytea NOT NULL
);
CREATE TABLE mc_location (
    id bigint NOT NULL,
    code character varying(40) NOT NULL,
    name character varying(120) NOT NULL,
    priority integer NOT NULL
);
CREATE SEQUENCE mc_location_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_location_id_seq OWNED BY mc_location.id;
CREATE TABLE mc_order (
    id bigint NOT NULL,
    number character varying(32) NOT NULL,
    cart_id character varying(64) NOT NULL,
    quote_hash character varying(64) NOT NULL,
    status character varying(12) NOT NULL,
    payment_status character varying(20) NOT NULL,
    fulfillment_status character varying(20) NOT NULL,
    currency character varying(3) NOT NULL,
    items_amount bigint NOT NULL,
    discount_amount bigint NOT NULL,
    shipping_amount bigint NOT NULL,
    tax_amount bigint NOT NULL,
    grand_amount bigint NOT NULL,
    customer json NOT NULL,
    address json NOT NULL,
    shipping_method character varying(40) NOT NULL,
    access_token character varying(64) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    customer_id bigint,
    coupons json DEFAULT '[]'::json NOT NULL,
    confirmed_at timestamp with time zone,
    confirming_until timestamp with time zone,
    channel character varying(40) DEFAULT 'default'::character varying NOT NULL,
    customer_group character varying(40),
    owner character varying(120),
    tax_included_amount bigint DEFAULT 0 NOT NULL,
    shipping_tax_amount bigint DEFAULT 0 NOT NULL,
    credited_amount bigint DEFAULT 0 NOT NULL,
    shipping_credited_amount bigint DEFAULT 0 NOT NULL,
    CONSTRAINT ck_mc_order_credited CHECK (((credited_amount >= 0) AND (credited_amount <= grand_amount))),
    CONSTRAINT ck_mc_order_grand CHECK ((grand_amount = (((items_amount - discount_amount) + shipping_amount) + tax_amount))),
    CONSTRAINT ck_mc_order_shipping_credited CHECK (((shipping_credited_amount >= 0) AND (shipping_credited_amount <= (shipping_amount + shipping_tax_amount)))),
    CONSTRAINT ck_mc_order_shipping_tax CHECK ((shipping_tax_amount >= 0)),
    CONSTRAINT ck_mc_order_tax_included CHECK ((tax_included_amount >= 0))
);
CREATE TABLE mc_order_change (
    id bigint NOT NULL,
    order_id bigint NOT NULL,
    status character varying(12) NOT NULL,
    reason character varying(200) NOT NULL,
    difference bigint,
    created_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone
);
CREATE SEQUENCE mc_order_change_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_order_change_id_seq OWNED BY mc_order_change.id;
CREATE TABLE mc_order_change_step (
    id bigint NOT NULL,
    change_id bigint NOT NULL,
    action character varying(12) NOT NULL,
    line_id bigint,
    variant_id bigint,
    quantity integer NOT NULL,
    unit_price bigint,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_mc_order_change_step_quantity CHECK ((quantity >= 0))
);
CREATE SEQUENCE mc_order_change_step_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_order_change_step_id_seq OWNED BY mc_order_change_step.id;
CREATE TABLE mc_order_counter (
    channel character varying(40) NOT NULL,
    last bigint NOT NULL
);
CREATE TABLE mc_order_credit (
    id bigint NOT NULL,
    order_id bigint NOT NULL,
    line_id bigint,
    kind character varying(12) NOT NULL,
    pieces integer NOT NULL,
    amount bigint NOT NULL,
    reference character varying(80) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_mc_order_credit_amount CHECK (((amount >= 0) AND (pieces >= 0)))
);
CREATE SEQUENCE mc_order_credit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_order_credit_id_seq OWNED BY mc_order_credit.id;
CREATE SEQUENCE mc_order_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_order_id_seq OWNED BY mc_order.id;
CREATE TABLE mc_order_line (
    id bigint NOT NULL,
    order_id bigint NOT NULL,
    variant_id bigint NOT NULL,
    sku character varying(64) NOT NULL,
    name character varying(330) NOT NULL,
    quantity integer NOT NULL,
    unit_price bigint NOT NULL,
    total bigint NOT NULL,
    discount_amount bigint DEFAULT 0 NOT NULL,
    tax_amount bigint DEFAULT 0 NOT NULL,
    tax_included_amount bigint DEFAULT 0 NOT NULL,
    cancelled_quantity integer DEFAULT 0 NOT NULL,
    shipped_quantity integer DEFAULT 0 NOT NULL,
    returned_quantity integer DEFAULT 0 NOT NULL,
    credited_quantity integer DEFAULT 0 NOT NULL,
    attributes json DEFAULT '{}'::json NOT NULL,
    CONSTRAINT ck_mc_order_line_cancelled CHECK ((cancelled_quantity >= 0)),
    CONSTRAINT ck_mc_order_line_credited CHECK (((credited_quantity >= cancelled_quantity) AND (credited_quantity <= (cancelled_quantity + returned_quantity)))),
    CONSTRAINT ck_mc_order_line_discount CHECK (((discount_amount >= 0) AND (discount_amount <= total))),
    CONSTRAINT ck_mc_order_line_quantity CHECK ((quantity > 0)),
    CONSTRAINT ck_mc_order_line_returned CHECK (((returned_quantity >= 0) AND (returned_quantity <= shipped_quantity))),
    CONSTRAINT ck_mc_order_line_shipped CHECK (((shipped_quantity >= 0) AND ((shipped_quantity + cancelled_quantity) <= quantity))),
    CONSTRAINT ck_mc_order_line_tax CHECK ((tax_amount >= 0)),
    CONSTRAINT ck_mc_order_line_tax_included CHECK ((tax_included_amount >= 0)),
    CONSTRAINT ck_mc_order_line_total CHECK ((total = (unit_price * quantity)))
);
CREATE SEQUENCE mc_order_line_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_order_line_id_seq OWNED BY mc_order_line.id;
CREATE TABLE mc_order_return (
    id bigint NOT NULL,
    order_id bigint NOT NULL,
    status character varying(12) NOT NULL,
    reason character varying(20) NOT NULL,
    note character varying(400) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL
);
CREATE SEQUENCE mc_order_return_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_order_return_id_seq OWNED BY mc_order_return.id;
CREATE TABLE mc_order_return_line (
    return_id bigint NOT NULL,
    line_id bigint NOT NULL,
    quantity integer NOT NULL,
    scrapped integer DEFAULT 0 NOT NULL,
    CONSTRAINT ck_mc_order_return_line_quantity CHECK (((quantity >= 0) AND (scrapped >= 0) AND (scrapped <= quantity)))
);
CREATE TABLE mc_order_tax (
    id bigint NOT NULL,
    order_id bigint NOT NULL,
    line_id bigint,
    name character varying(40) NOT NULL,
    ppm integer NOT NULL,
    mode character varying(9) NOT NULL,
    informational boolean NOT NULL,
    amount bigint NOT NULL,
    CONSTRAINT ck_mc_order_tax_amount CHECK ((amount >= 0))
);
CREATE SEQUENCE mc_order_tax_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_order_tax_id_seq OWNED BY mc_order_tax.id;
CREATE TABLE mc_outbox (
    id bigint NOT NULL,
    aggregate character varying(40) NOT NULL,
    aggregate_id character varying(64) NOT NULL,
    type character varying(60) NOT NULL,
    payload json NOT NULL,
    created_at timestamp with time zone NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    claimed_until timestamp with time zone,
    delivered_at timestamp with time zone,
    last_error text
);
CREATE SEQUENCE mc_outbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_outbox_id_seq OWNED BY mc_outbox.id;
CREATE TABLE mc_payment (
    id character varying(64) NOT NULL,
    order_number character varying(32) NOT NULL,
    provider character varying(40) NOT NULL,
    method character varying(20) NOT NULL,
    currency character varying(3) NOT NULL,
    amount bigint NOT NULL,
    status character varying(20) NOT NULL,
    acknowledged boolean NOT NULL,
    reference character varying(120) NOT NULL,
    action json NOT NULL,
    leased_until timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    "position" integer DEFAULT 0 NOT NULL,
    account_id bigint,
    authorized_amount bigint DEFAULT 0 NOT NULL,
    captured_amount bigint DEFAULT 0 NOT NULL,
    voided_amount bigint DEFAULT 0 NOT NULL,
    refunded_amount bigint DEFAULT 0 NOT NULL,
    refunding_amount bigint DEFAULT 0 NOT NULL,
    CONSTRAINT ck_mc_payment_amount CHECK ((amount >= 0)),
    CONSTRAINT ck_mc_payment_authorized CHECK (((authorized_amount >= 0) AND (authorized_amount <= amount))),
    CONSTRAINT ck_mc_payment_captured CHECK (((captured_amount >= 0) AND (captured_amount <= amount))),
    CONSTRAINT ck_mc_payment_refunded CHECK (((refunded_amount >= 0) AND (refunded_amount <= captured_amount))),
    CONSTRAINT ck_mc_payment_refunding CHECK ((refunding_amount >= 0)),
    CONSTRAINT ck_mc_payment_voided CHECK (((voided_amount >= 0) AND ((voided_amount + captured_amount) <= amount)))
);
CREATE TABLE mc_payment_event (
    id bigint NOT NULL,
    provider character varying(40) NOT NULL,
    event_id character varying(120) NOT NULL,
    payment_id character varying(64) NOT NULL,
    kind character varying(20) NOT NULL,
    amount bigint NOT NULL,
    action json NOT NULL,
    reference character varying(120) NOT NULL,
    state character varying(12) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    operation character varying(120) DEFAULT ''::character varying NOT NULL
);
CREATE SEQUENCE mc_payment_event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_payment_event_id_seq OWNED BY mc_payment_event.id;
CREATE TABLE mc_payment_operation (
    id character varying(64) NOT NULL,
    payment_id character varying(64) NOT NULL,
    order_number character varying(32) NOT NULL,
    kind character varying(12) NOT NULL,
    amount bigint NOT NULL,
    final boolean NOT NULL,
    status character varying(12) NOT NULL,
    idempotency_key character varying(255),
    leased_until timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_mc_payment_operation_amount CHECK ((amount >= 0))
);
CREATE TABLE mc_price (
    variant_id bigint NOT NULL,
    currency character varying(3) NOT NULL,
    amount bigint NOT NULL,
    floor bigint DEFAULT 0 NOT NULL,
    CONSTRAINT ck_mc_price_amount CHECK ((amount >= 0)),
    CONSTRAINT ck_mc_price_floor CHECK ((floor >= 0))
);
CREATE TABLE mc_price_list (
    id bigint NOT NULL,
    code character varying(80) NOT NULL,
    name character varying(120) NOT NULL,
    customer_group character varying(80),
    channel character varying(40),
    priority integer NOT NULL,
    sale boolean NOT NULL,
    starts_at timestamp with time zone,
    ends_at timestamp with time zone,
    active boolean NOT NULL
);
CREATE SEQUENCE mc_price_list_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_price_list_id_seq OWNED BY mc_price_list.id;
CREATE TABLE mc_product (
    id bigint NOT NULL,
    key character varying(200) NOT NULL,
    slug character varying(200) NOT NULL,
    name character varying(200) NOT NULL,
    sort_name character varying NOT NULL COLLATE pg_catalog."C",
    description text NOT NULL,
    category_id bigint,
    active boolean NOT NULL,
    featured boolean NOT NULL,
    rating_hundredths integer,
    search_title text NOT NULL,
    search_body text NOT NULL,
    content_hash character varying(64) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    search_vector tsvector GENERATED ALWAYS AS ((to_tsvector('simple'::regconfig, search_title) || to_tsvector('simple'::regconfig, search_body))) STORED,
    search_title_vector tsvector GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, search_title)) STORED
);
CREATE TABLE mc_product_card (
    product_id bigint NOT NULL,
    currency character varying(3) NOT NULL,
    price bigint NOT NULL,
    sku character varying(64) NOT NULL,
    image character varying(500),
    in_stock boolean NOT NULL
);
CREATE SEQUENCE mc_product_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_product_id_seq OWNED BY mc_product.id;
CREATE TABLE mc_promotion (
    id bigint NOT NULL,
    key character varying(80) NOT NULL,
    name character varying(120) NOT NULL,
    kind character varying(8) NOT NULL,
    definition json NOT NULL,
    currency character varying(3),
    starts_at timestamp with time zone,
    ends_at timestamp with time zone,
    active boolean NOT NULL,
    needs_code boolean NOT NULL,
    reusable boolean NOT NULL,
    most_uses integer,
    most_uses_per_customer integer,
    budget bigint,
    uses integer NOT NULL,
    spent bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_mc_promotion_spent CHECK (((spent >= 0) AND ((budget IS NULL) OR (spent <= budget)))),
    CONSTRAINT ck_mc_promotion_uses CHECK (((uses >= 0) AND ((most_uses IS NULL) OR (uses <= most_uses))))
);
CREATE TABLE mc_promotion_code (
    code character varying(40) NOT NULL,
    promotion_id bigint NOT NULL,
    most_uses integer,
    uses integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_mc_promotion_code_uses CHECK (((uses >= 0) AND ((most_uses IS NULL) OR (uses <= most_uses))))
);
CREATE TABLE mc_promotion_customer (
    promotion_id bigint NOT NULL,
    customer character varying(254) NOT NULL,
    uses integer NOT NULL,
    CONSTRAINT ck_mc_promotion_customer_uses CHECK ((uses >= 0))
);
CREATE SEQUENCE mc_promotion_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_promotion_id_seq OWNED BY mc_promotion.id;
CREATE TABLE mc_promotion_use (
    id bigint NOT NULL,
    order_number character varying(32) NOT NULL,
    promotion_id bigint NOT NULL,
    code character varying(40),
    customer character varying(254),
    amount bigint NOT NULL,
    state character varying(8) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_mc_promotion_use_amount CHECK ((amount >= 0))
);
CREATE SEQUENCE mc_promotion_use_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_promotion_use_id_seq OWNED BY mc_promotion_use.id;
CREATE TABLE mc_quote (
    hash character varying(64) NOT NULL,
    cart_id character varying(64) NOT NULL,
    content json NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
CREATE TABLE mc_refund (
    id character varying(64) NOT NULL,
    payment_id character varying(64) NOT NULL,
    order_number character varying(32) NOT NULL,
    amount bigint NOT NULL,
    status character varying(12) NOT NULL,
    idempotency_key character varying(255),
    leased_until timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    batch character varying(64) DEFAULT ''::character varying NOT NULL,
    reason character varying(20) DEFAULT ''::character varying NOT NULL,
    CONSTRAINT ck_mc_refund_amount CHECK ((amount > 0))
);
CREATE TABLE mc_rulebook (
    id integer NOT NULL,
    stamp character varying(64) NOT NULL
);
CREATE TABLE mc_search_form (
    form character varying NOT NULL COLLATE pg_catalog."C",
    word character varying(40) NOT NULL
);
CREATE TABLE mc_search_word (
    word character varying NOT NULL COLLATE pg_catalog."C",
    products integer NOT NULL
);
CREATE TABLE mc_shipment (
    id bigint NOT NULL,
    order_id bigint NOT NULL,
    tracking character varying(120) NOT NULL,
    carrier character varying(60) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    delivered_at timestamp with time zone
);
CREATE SEQUENCE mc_shipment_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_shipment_id_seq OWNED BY mc_shipment.id;
CREATE TABLE mc_shipment_line (
    shipment_id bigint NOT NULL,
    line_id bigint NOT NULL,
    quantity integer NOT NULL,
    CONSTRAINT ck_mc_shipment_line_quantity CHECK ((quantity > 0))
);
CREATE TABLE mc_shipping_method (
    id bigint NOT NULL,
    zone_id bigint NOT NULL,
    code character varying(40) NOT NULL,
    currency character varying(3) NOT NULL,
    name character varying(120) NOT NULL,
    days integer NOT NULL,
    base bigint NOT NULL,
    by_weight json NOT NULL,
    per_kg bigint,
    by_price json NOT NULL,
    ppm integer NOT NULL,
    per_item bigint NOT NULL,
    minimum bigint NOT NULL,
    maximum bigint,
    free_over bigint,
    max_weight_grams integer,
    max_side_mm integer,
    max_sides_mm integer,
    min_weight_grams integer NOT NULL,
    max_items_total bigint,
    active boolean NOT NULL,
    CONSTRAINT ck_mc_shipping_method_amounts CHECK (((base >= 0) AND (ppm >= 0) AND (per_item >= 0) AND (minimum >= 0)))
);
CREATE SEQUENCE mc_shipping_method_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_shipping_method_id_seq OWNED BY mc_shipping_method.id;
CREATE TABLE mc_shipping_zone (
    id bigint NOT NULL,
    code character varying(40) NOT NULL,
    name character varying(120) NOT NULL,
    countries json NOT NULL,
    regions json NOT NULL,
    postal_codes json NOT NULL
);
CREATE SEQUENCE mc_shipping_zone_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_shipping_zone_id_seq OWNED BY mc_shipping_zone.id;
CREATE TABLE mc_special_price (
    id bigint NOT NULL,
    variant_id bigint NOT NULL,
    currency character varying(3) NOT NULL,
    list_id bigint,
    customer_group character varying(80),
    channel character varying(40),
    min_quantity integer NOT NULL,
    starts_at timestamp with time zone,
    ends_at timestamp with time zone,
    amount bigint NOT NULL,
    CONSTRAINT ck_mc_special_price_amount CHECK ((amount >= 0)),
    CONSTRAINT ck_mc_special_price_min_quantity CHECK ((min_quantity >= 1))
);
CREATE SEQUENCE mc_special_price_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_special_price_id_seq OWNED BY mc_special_price.id;
CREATE TABLE mc_stock_level (
    variant_id bigint NOT NULL,
    sku character varying(64) NOT NULL,
    on_hand integer NOT NULL,
    allocated integer NOT NULL,
    reserved integer DEFAULT 0 NOT NULL,
    backorder_limit integer DEFAULT 0 NOT NULL,
    low_at integer,
    expected_on date,
    spread boolean DEFAULT false NOT NULL,
    by_lot boolean DEFAULT false NOT NULL,
    CONSTRAINT ck_mc_stock_level_allocated CHECK (((allocated >= 0) AND (reserved >= 0))),
    CONSTRAINT ck_mc_stock_level_available CHECK (((on_hand + backorder_limit) >= (allocated + reserved))),
    CONSTRAINT ck_mc_stock_level_on_hand CHECK (((on_hand >= 0) AND (backorder_limit >= 0)))
);
CREATE TABLE mc_stock_lot (
    id bigint NOT NULL,
    variant_id bigint NOT NULL,
    location_id bigint NOT NULL,
    code character varying(40) NOT NULL,
    roasted_on date,
    best_before date,
    on_hand integer NOT NULL,
    allocated integer NOT NULL,
    CONSTRAINT ck_mc_stock_lot_on_hand CHECK (((allocated >= 0) AND (on_hand >= allocated)))
);
CREATE SEQUENCE mc_stock_lot_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_stock_lot_id_seq OWNED BY mc_stock_lot.id;
CREATE TABLE mc_stock_movement (
    id bigint NOT NULL,
    variant_id bigint NOT NULL,
    kind character varying(20) NOT NULL,
    on_hand integer NOT NULL,
    allocated integer NOT NULL,
    reference character varying(80) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    location_id bigint DEFAULT '1'::bigint NOT NULL,
    lot_id bigint,
    reserved integer DEFAULT 0 NOT NULL,
    reason character varying(80) DEFAULT ''::character varying NOT NULL
);
CREATE SEQUENCE mc_stock_movement_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_stock_movement_id_seq OWNED BY mc_stock_movement.id;
CREATE TABLE mc_stock_place (
    variant_id bigint NOT NULL,
    location_id bigint NOT NULL,
    on_hand integer NOT NULL,
    allocated integer NOT NULL,
    reserved integer NOT NULL,
    backorder_limit integer NOT NULL,
    CONSTRAINT ck_mc_stock_place_allocated CHECK (((allocated >= 0) AND (reserved >= 0))),
    CONSTRAINT ck_mc_stock_place_available CHECK (((on_hand + backorder_limit) >= (allocated + reserved))),
    CONSTRAINT ck_mc_stock_place_on_hand CHECK (((on_hand >= 0) AND (backorder_limit >= 0)))
);
CREATE TABLE mc_stock_reservation (
    id bigint NOT NULL,
    owner character varying(80) NOT NULL,
    token character varying(64) NOT NULL,
    variant_id bigint NOT NULL,
    location_id bigint NOT NULL,
    quantity integer NOT NULL,
    state character varying(10) NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_mc_stock_reservation_quantity CHECK ((quantity > 0))
);
CREATE SEQUENCE mc_stock_reservation_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_stock_reservation_id_seq OWNED BY mc_stock_reservation.id;
CREATE TABLE mc_tax_rate (
    id bigint NOT NULL,
    name character varying(40) NOT NULL,
    tax_class character varying(40) NOT NULL,
    country character varying(2) NOT NULL,
    region character varying(60) NOT NULL,
    origin character varying(60) NOT NULL,
    customer_type character varying(20) NOT NULL,
    ppm integer NOT NULL,
    mode character varying(9) NOT NULL,
    informational boolean NOT NULL,
    compound boolean NOT NULL,
    "position" integer NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone,
    CONSTRAINT ck_mc_tax_rate_mode CHECK (((mode)::text = ANY ((ARRAY['exclusive'::character varying, 'inclusive'::character varying, 'gross'::character varying])::text[]))),
    CONSTRAINT ck_mc_tax_rate_ppm CHECK ((ppm >= 0)),
    CONSTRAINT ck_mc_tax_rate_span CHECK (((ends_at IS NULL) OR (ends_at > starts_at)))
);
CREATE SEQUENCE mc_tax_rate_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_tax_rate_id_seq OWNED BY mc_tax_rate.id;
CREATE TABLE mc_variant (
    id bigint NOT NULL,
    product_id bigint NOT NULL,
    sku character varying(64) NOT NULL,
    name character varying(120) NOT NULL,
    "position" integer NOT NULL,
    weight_grams integer NOT NULL,
    active boolean NOT NULL,
    tax_class character varying(40) DEFAULT 'standard'::character varying NOT NULL,
    digital boolean DEFAULT false NOT NULL,
    length_mm integer DEFAULT 0 NOT NULL,
    width_mm integer DEFAULT 0 NOT NULL,
    height_mm integer DEFAULT 0 NOT NULL
);
CREATE SEQUENCE mc_variant_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE mc_variant_id_seq OWNED BY mc_variant.id;
ALTER TABLE ONLY mc_account ALTER COLUMN id SET DEFAULT nextval('mc_account_id_seq'::regclass);
ALTER TABLE ONLY mc_account_entry ALTER COLUMN id SET DEFAULT nextval('mc_account_entry_id_seq'::regclass);
ALTER TABLE ONLY mc_attribute ALTER COLUMN id SET DEFAULT nextval('mc_attribute_id_seq'::regclass);
ALTER TABLE ONLY mc_cart_coupon ALTER COLUMN id SET DEFAULT nextval('mc_cart_coupon_id_seq'::regclass);
ALTER TABLE ONLY mc_cart_line ALTER COLUMN id SET DEFAULT nextval('mc_cart_line_id_seq'::regclass);
ALTER TABLE ONLY mc_category ALTER COLUMN id SET DEFAULT nextval('mc_category_id_seq'::regclass);
ALTER TABLE ONLY mc_customer ALTER COLUMN id SET DEFAULT nextval('mc_customer_id_seq'::regclass);
ALTER TABLE ONLY mc_image ALTER COLUMN id SET DEFAULT nextval('mc_image_id_seq'::regclass);
ALTER TABLE ONLY mc_location ALTER COLUMN id SET DEFAULT nextval('mc_location_id_seq'::regclass);
ALTER TABLE ONLY mc_order ALTER COLUMN id SET DEFAULT nextval('mc_order_id_seq'::regclass);
ALTER TABLE ONLY mc_order_change ALTER COLUMN id SET DEFAULT nextval('mc_order_change_id_seq'::regclass);
ALTER TABLE ONLY mc_order_change_step ALTER COLUMN id SET DEFAULT nextval('mc_order_change_step_id_seq'::regclass);
ALTER TABLE ONLY mc_order_credit ALTER COLUMN id SET DEFAULT nextval('mc_order_credit_id_seq'::regclass);
ALTER TABLE ONLY mc_order_line ALTER COLUMN id SET DEFAULT nextval('mc_order_line_id_seq'::regclass);
ALTER TABLE ONLY mc_order_return ALTER COLUMN id SET DEFAULT nextval('mc_order_return_id_seq'::regclass);
ALTER TABLE ONLY mc_order_tax ALTER COLUMN id SET DEFAULT nextval('mc_order_tax_id_seq'::regclass);
ALTER TABLE ONLY mc_outbox ALTER COLUMN id SET DEFAULT nextval('mc_outbox_id_seq'::regclass);
ALTER TABLE ONLY mc_payment_event ALTER COLUMN id SET DEFAULT nextval('mc_payment_event_id_seq'::regclass);
ALTER TABLE ONLY mc_price_list ALTER COLUMN id SET DEFAULT nextval('mc_price_list_id_seq'::regclass);
ALTER TABLE ONLY mc_product ALTER COLUMN id SET DEFAULT nextval('mc_product_id_seq'::regclass);
ALTER TABLE ONLY mc_promotion ALTER COLUMN id SET DEFAULT nextval('mc_promotion_id_seq'::regclass);
ALTER TABLE ONLY mc_promotion_use ALTER COLUMN id SET DEFAULT nextval('mc_promotion_use_id_seq'::regclass);
ALTER TABLE ONLY mc_shipment ALTER COLUMN id SET DEFAULT nextval('mc_shipment_id_seq'::regclass);
ALTER TABLE ONLY mc_shipping_method ALTER COLUMN id SET DEFAULT nextval('mc_shipping_method_id_seq'::regclass);
ALTER TABLE ONLY mc_shipping_zone ALTER COLUMN id SET DEFAULT nextval('mc_shipping_zone_id_seq'::regclass);
ALTER TABLE ONLY mc_special_price ALTER COLUMN id SET DEFAULT nextval('mc_special_price_id_seq'::regclass);
ALTER TABLE ONLY mc_stock_lot ALTER COLUMN id SET DEFAULT nextval('mc_stock_lot_id_seq'::regclass);
ALTER TABLE ONLY mc_stock_movement ALTER COLUMN id SET DEFAULT nextval('mc_stock_movement_id_seq'::regclass);
ALTER TABLE ONLY mc_stock_reservation ALTER COLUMN id SET DEFAULT nextval('mc_stock_reservation_id_seq'::regclass);
ALTER TABLE ONLY mc_tax_rate ALTER COLUMN id SET DEFAULT nextval('mc_tax_rate_id_seq'::regclass);
ALTER TABLE ONLY mc_variant ALTER COLUMN id SET DEFAULT nextval('mc_variant_id_seq'::regclass);
INSERT INTO mc_alembic_version VALUES ('0011');
INSERT INTO mc_attribute VALUES (1, 1, 'processo', 'natural', 'processo', 'natural', 0);
INSERT INTO mc_cart VALUES ('-LUNU5qBPl7uShNCuF-_hoQO1PNPjs_O', 'BRL', 'ordered', 3, '2026-11-28 23:02:31.664931+00', '2026-11-28 23:02:31.867895+00', NULL, 'default', NULL, NULL);
INSERT INTO mc_cart VALUES ('XqLkPN4rtGq9iZOmMG6hDlZRDqqBVZk8', 'BRL', 'ordered', 4, '2026-11-28 23:02:31.989406+00', '2026-11-28 23:02:32.116675+00', NULL, 'default', NULL, NULL);
INSERT INTO mc_cart VALUES ('0wQqBlJyFpGIhd88QlOtwTNTAwv_Knwn', 'BRL', 'ordered', 3, '2026-11-28 23:02:32.151924+00', '2026-11-28 23:02:32.222505+00', NULL, 'default', NULL, NULL);
INSERT INTO mc_cart VALUES ('JdkLfVoZr7KyNRabiHgJOIt-560kCEdw', 'BRL', 'ordered', 3, '2026-11-28 23:02:32.274241+00', '2026-11-28 23:02:32.32485+00', NULL, 'default', NULL, NULL);
INSERT INTO mc_cart VALUES ('HQ9YZtDQcFMiMqVeiwXG9NucZKeGUcbu', 'BRL', 'ordered', 3, '2026-11-28 23:02:32.453464+00', '2026-11-28 23:02:32.512209+00', NULL, 'default', NULL, NULL);
INSERT INTO mc_cart VALUES ('eHJ8tVeeTvpmUS0_HrMQ3_4tBO6uctdk', 'BRL', 'open', 4, '2026-11-28 23:02:32.648196+00', '2026-11-28 23:02:32.780671+00', NULL, 'default', NULL, NULL);
INSERT INTO mc_cart VALUES ('xeUuVmtRUJIwKbuaTzOlArN53bt52BLN', 'BRL', 'ordered', 3, '2026-11-28 23:02:32.808219+00', '2026-11-28 23:02:32.860703+00', NULL, 'default', NULL, NULL);
INSERT INTO mc_cart VALUES ('ED1CwERa4-C55-AuSpaaUOK7371LL4lf', 'BRL', 'ordered', 3, '2026-11-28 23:02:32.867589+00', '2026-11-28 23:02:32.916775+00', NULL, 'default', NULL, NULL);
INSERT INTO mc_cart VALUES ('JdLVo3Wc21n8lwGkcuwpAfTmpyia8yTo', 'BRL', 'ordered', 3, '2026-11-28 23:02:32.938421+00', '2026-11-28 23:02:32.986143+00', NULL, 'default', NULL, NULL);
INSERT INTO mc_cart VALUES ('-nK8l0DQbNBqJP9jYTtgOs7OUVTQxn36', 'BRL', 'ordered', 3, '2026-11-28 23:02:33.013378+00', '2026-11-28 23:02:33.066207+00', NULL, 'default', NULL, NULL);
INSERT INTO mc_cart VALUES ('J4-YufiWd38ukQMQj5Pfnb1tixiYQjDr', 'BRL', 'ordered', 3, '2026-11-28 23:02:33.067594+00', '2026-11-28 23:02:33.122267+00', NULL, 'default', NULL, NULL);
INSERT INTO mc_cart VALUES ('oVciskaYbDAPBXrJjynanTFJ7wS_h3EU', 'BRL', 'ordered', 3, '2026-11-28 23:02:33.21423+00', '2026-11-28 23:02:33.280793+00', NULL, 'default', NULL, NULL);
INSERT INTO mc_cart VALUES ('PkeCCDn5D3hHawp0R0b_HUPkx_z9dNxo', 'BRL', 'ordered', 3, '2026-11-28 23:02:33.419987+00', '2026-11-28 23:02:33.467306+00', NULL, 'default', NULL, NULL);
INSERT INTO mc_cart VALUES ('RUpsaS5ufC4mTo_oZkRuIzk6-1dvzFRS', 'BRL', 'open', 2, '2026-11-28 23:02:33.603542+00', '2026-11-28 23:02:33.605717+00', 'ana', 'default', NULL, NULL);
INSERT INTO mc_cart_coupon VALUES (1, 'XqLkPN4rtGq9iZOmMG6hDlZRDqqBVZk8', 'CAFE10');
INSERT INTO mc_cart_line VALUES (1, '-LUNU5qBPl7uShNCuF-_hoQO1PNPjs_O', 1, 2, '{}', '');
INSERT INTO mc_cart_line VALUES (2, 'XqLkPN4rtGq9iZOmMG6hDlZRDqqBVZk8', 1, 2, '{}', '');
INSERT INTO mc_cart_line VALUES (3, '0wQqBlJyFpGIhd88QlOtwTNTAwv_Knwn', 1, 2, '{}', '');
INSERT INTO mc_cart_line VALUES (4, 'JdkLfVoZr7KyNRabiHgJOIt-560kCEdw', 1, 2, '{}', '');
INSERT INTO mc_cart_line VALUES (5, 'HQ9YZtDQcFMiMqVeiwXG9NucZKeGUcbu', 1, 2, '{}', '');
INSERT INTO mc_cart_line VALUES (6, 'eHJ8tVeeTvpmUS0_HrMQ3_4tBO6uctdk', 1, 2, '{}', '');
INSERT INTO mc_cart_line VALUES (7, 'xeUuVmtRUJIwKbuaTzOlArN53bt52BLN', 1, 2, '{}', '');
INSERT INTO mc_cart_line VALUES (8, 'ED1CwERa4-C55-AuSpaaUOK7371LL4lf', 1, 2, '{}', '');
INSERT INTO mc_cart_line VALUES (9, 'JdLVo3Wc21n8lwGkcuwpAfTmpyia8yTo', 1, 2, '{}', '');
INSERT INTO mc_cart_line VALUES (10, '-nK8l0DQbNBqJP9jYTtgOs7OUVTQxn36', 1, 2, '{}', '');
INSERT INTO mc_cart_line VALUES (11, 'J4-YufiWd38ukQMQj5Pfnb1tixiYQjDr', 3, 2, '{}', '');
INSERT INTO mc_cart_line VALUES (12, 'oVciskaYbDAPBXrJjynanTFJ7wS_h3EU', 1, 2, '{}', '');
INSERT INTO mc_cart_line VALUES (13, 'PkeCCDn5D3hHawp0R0b_HUPkx_z9dNxo', 1, 2, '{}', '');
INSERT INTO mc_cart_line VALUES (14, 'RUpsaS5ufC4mTo_oZkRuIzk6-1dvzFRS', 3, 1, '{}', '');
INSERT INTO mc_category VALUES (1, NULL, 'graos', 'Grãos', 0);
INSERT INTO mc_category VALUES (2, 1, 'cerrado-mineiro', 'Cerrado Mineiro', 1);
INSERT INTO mc_category VALUES (3, NULL, 'equipamentos', 'Equipamentos', 2);
INSERT INTO mc_customer VALUES (1, 'ana@example.com', 'Ana', '529.982.247-25', NULL, '2026-11-28 23:02:31.824538+00');
INSERT INTO mc_customer VALUES (2, 'bia@example.com', 'Bia', '529.982.247-25', NULL, '2026-11-28 23:02:32.084876+00');
INSERT INTO mc_customer VALUES (3, 'caio@example.com', 'Caio', '529.982.247-25', NULL, '2026-11-28 23:02:32.31815+00');
INSERT INTO mc_customer VALUES (4, 'duda@example.com', 'Duda', '529.982.247-25', NULL, '2026-11-28 23:02:32.983332+00');
INSERT INTO mc_idempotency VALUES ('checkout', 'k1', 'de88fcf8d68c90abfa554c052abcb5b16d85a65ed4ffc134f3ed7feef0a63aed', 'MC-RXZEYPZMP9', '2026-11-28 23:02:31.861601+00');
INSERT INTO mc_idempotency VALUES ('checkout', 'k2', '236323d7dae368616a10c01d440719bad4f4cc4a70e419fc03d46742923afeae', 'MC-XNPPG18KRK', '2026-11-28 23:02:32.105832+00');
INSERT INTO mc_idempotency VALUES ('checkout', 'k3', 'e606c163bd173f6112fce4ce1fbe74ba34645c0a7e381b46d215f7290687b5b1', 'MC-VXZJX81SE5', '2026-11-28 23:02:32.211414+00');
INSERT INTO mc_idempotency VALUES ('checkout', 'k4', '2320ccdca2012938f853f131f35d272c8ec3bd720871e1e0fe18b30d4ff87883', 'MC-HADQXQY8FM', '2026-11-28 23:02:32.322376+00');
INSERT INTO mc_idempotency VALUES ('checkout', 'k5', '8d8ba5f85c9fb4f1917cab1f91fe2ca52d249d65a7b3f9b5cf9d9561c88d4570', 'MC-SFTVJZ3X51', '2026-11-28 23:02:32.511063+00');
INSERT INTO mc_idempotency VALUES ('checkout', 'k6', '8748189dc4dd4b3f4a8e2591e4fbe9cdcf7e1f051f416e08dc7b59fae9130d74', 'MC-KVG10N0939', '2026-11-28 23:02:32.720996+00');
INSERT INTO mc_idempotency VALUES ('checkout', 'k7', '088d03d347383724734d507842f55ded6495ab1355fe942547fc17600bdc4d63', 'MC-XRY3NG64YP', '2026-11-28 23:02:32.856909+00');
INSERT INTO mc_idempotency VALUES ('checkout', 'k8', 'bdf598b76a96e91a10aafd1d6dd1cdc3223d883c0039dab598b6e8a9fafddd14', 'MC-ZX3JVZXRA3', '2026-11-28 23:02:32.913987+00');
INSERT INTO mc_idempotency VALUES ('checkout', 'k9', 'b016780874757edd28b1f50190ad8f2b1c5cded4bc9a5ab7326fda95084bb6b2', 'MC-PEA3G6MV63', '2026-11-28 23:02:32.985023+00');
INSERT INTO mc_idempotency VALUES ('checkout', 'k10', '67efb87be8142eda165d95399180614e8f77d206e0c51b5ab897b284e9181116', 'MC-1Y9S0J2RVN', '2026-11-28 23:02:33.062979+00');
INSERT INTO mc_idempotency VALUES ('checkout', 'k11', '8fc863a9f4358ff1c2f837128fa142500d58af7819b9d65d08e226f3a24314d9', 'MC-SV84TH2TV8', '2026-11-28 23:02:33.113603+00');
INSERT INTO mc_idempotency VALUES ('checkout', 'k12', 'f70dd5c3cfd5cb41eeeb84ba578ae926a9965ef3d779b307bd99ca18503fb7fa', 'MC-XB7N7SE4HH', '2026-11-28 23:02:33.277813+00');
INSERT INTO mc_idempotency VALUES ('checkout', 'k13', 'a9cd389367d8372d843fae0f8ecf1931af27f4a935d68772133395e7435e33a2', 'MC-3DB8CEXM2D', '2026-11-28 23:02:33.463699+00');
INSERT INTO mc_location VALUES (1, 'default', '', 0);
INSERT INTO mc_order VALUES (1, 'MC-RXZEYPZMP9', '-LUNU5qBPl7uShNCuF-_hoQO1PNPjs_O', '952b20d1b5e19e7c19f32077c620596531cbfe305bc83b04548712350a8ad0ba', 'placed', 'paid', 'unfulfilled', 'BRL', 9180, 0, 1590, 918, 11688, '{"name": "Ana", "email": "ana@example.com", "document": "529.982.247-25"}', '{"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}', 'pac', 'RgxwZuXeRLpt_uPe29iWO7NYxpG3D6nr', '2026-11-28 23:02:31.809848+00', '2026-11-28 23:02:31.95356+00', 1, '[]', NULL, NULL, 'default', NULL, NULL, 0, 0, 0, 0);
INSERT INTO mc_order VALUES (2, 'MC-XNPPG18KRK', 'XqLkPN4rtGq9iZOmMG6hDlZRDqqBVZk8', 'f28a0c5338101ef5bd9ae943a121ac85ccc3c599597a2c0c6948ea47a5cc4568', 'placed', 'paid', 'unfulfilled', 'BRL', 9180, 918, 1590, 826, 10678, '{"name": "Bia", "email": "bia@example.com", "document": "529.982.247-25"}', '{"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}', 'pac', 'YHg3YqhMzeH1HbUcaJd4yTXMpS55iIfr', '2026-11-28 23:02:32.074248+00', '2026-11-28 23:02:32.137961+00', 2, '[["CAFE10", 918]]', NULL, NULL, 'default', NULL, NULL, 0, 0, 0, 0);
INSERT INTO mc_order VALUES (3, 'MC-VXZJX81SE5', '0wQqBlJyFpGIhd88QlOtwTNTAwv_Knwn', 'bee2655b0508bf0d28668f373712f8774c73a3013d012d50c580e4985824ede3', 'placed', 'authorized', 'unfulfilled', 'BRL', 9180, 0, 1590, 918, 11688, '{"name": "Ana", "email": "ana@example.com", "document": "529.982.247-25"}', '{"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}', 'pac', 'Nfny00dLL3N5GUdHRb3FxHrtXHg9Wby1', '2026-11-28 23:02:32.194565+00', '2026-11-28 23:02:32.264135+00', 1, '[]', NULL, NULL, 'default', NULL, NULL, 0, 0, 0, 0);
INSERT INTO mc_order VALUES (4, 'MC-HADQXQY8FM', 'JdkLfVoZr7KyNRabiHgJOIt-560kCEdw', '88057297d16c14651e36d16d325b5f9629b7b1054c2de3dbd8a50098f2c2b4e2', 'placed', 'paid', 'unfulfilled', 'BRL', 9180, 0, 1590, 918, 11688, '{"name": "Caio", "email": "caio@example.com", "document": "529.982.247-25"}', '{"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}', 'pac', 'P6UnwmJto9W7WDy9mnz102ws0eMNLSLv', '2026-11-28 23:02:32.308+00', '2026-11-28 23:02:32.44591+00', 3, '[]', NULL, NULL, 'default', NULL, NULL, 0, 0, 0, 0);
INSERT INTO mc_order VALUES (5, 'MC-SFTVJZ3X51', 'HQ9YZtDQcFMiMqVeiwXG9NucZKeGUcbu', 'c57e9cfb36d3e35e97d9bc6550bb9f5370da2d83af26bf8307f99ba621b5435d', 'placed', 'void', 'unfulfilled', 'BRL', 9180, 0, 1590, 918, 11688, '{"name": "Ana", "email": "ana@example.com", "document": "529.982.247-25"}', '{"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}', 'pac', 'uKPFDJtISHPHJHJkDLt18KQo8yyhKixJ', '2026-11-28 23:02:32.490325+00', '2026-11-28 23:02:32.626942+00', 1, '[]', NULL, NULL, 'default', NULL, NULL, 0, 0, 0, 0);
INSERT INTO mc_order VALUES (6, 'MC-KVG10N0939', 'eHJ8tVeeTvpmUS0_HrMQ3_4tBO6uctdk', '2bb605f4b26e02b7b9b23c631f3992c16b5df8105502484dbd73d350ae464147', 'cancelled', 'declined', 'unfulfilled', 'BRL', 9180, 0, 1590, 918, 11688, '{"name": "Ana", "email": "ana@example.com", "document": "529.982.247-25"}', '{"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}', 'pac', 'Q_xNJuOgAeU7RtpuwMXUyswNOuZgxXfl', '2026-11-28 23:02:32.697909+00', '2026-11-28 23:02:32.778619+00', 1, '[]', NULL, NULL, 'default', NULL, NULL, 0, 0, 0, 0);
INSERT INTO mc_order VALUES (7, 'MC-XRY3NG64YP', 'xeUuVmtRUJIwKbuaTzOlArN53bt52BLN', 'ed523310d1096179ea655aa3cc44d1896a9d1bfcb45bcbcb9d2c1be0829fc31b', 'pending', 'pending', 'unfulfilled', 'BRL', 9180, 0, 1590, 918, 11688, '{"name": "Ana", "email": "ana@example.com", "document": "529.982.247-25"}', '{"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}', 'pac', 'JW-D-h8HkArEziVigv3-SzXxEam-q8c-', '2026-11-28 23:02:32.846379+00', '2026-11-28 23:02:32.846379+00', 1, '[]', NULL, NULL, 'default', NULL, NULL, 0, 0, 0, 0);
INSERT INTO mc_order VALUES (8, 'MC-ZX3JVZXRA3', 'ED1CwERa4-C55-AuSpaaUOK7371LL4lf', '8415e0b272441314ffd315f6fedab24d3e524b57fe8ed1b750d0b915667d2adc', 'pending', 'pending', 'unfulfilled', 'BRL', 9180, 0, 1590, 918, 11688, '{"name": "Ana", "email": "ana@example.com", "document": "529.982.247-25"}', '{"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}', 'pac', 'GRdzroxfJPmEH_ov5QzbTnMFhYQr6G8k', '2026-11-28 23:02:32.911014+00', '2026-11-28 23:02:32.911014+00', 1, '[]', NULL, NULL, 'default', NULL, NULL, 0, 0, 0, 0);
INSERT INTO mc_order VALUES (9, 'MC-PEA3G6MV63', 'JdLVo3Wc21n8lwGkcuwpAfTmpyia8yTo', 'fe04259463a647efe1ec407146c5025ab13c4798716675842c8e94c635881372', 'pending', 'pending', 'unfulfilled', 'BRL', 9180, 0, 1590, 918, 11688, '{"name": "Duda", "email": "duda@example.com", "document": "529.982.247-25"}', '{"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}', 'pac', 'Xi75itXSvtq5dGwdS8CoV6QQAUD12JD1', '2026-11-28 23:02:32.981667+00', '2026-11-28 23:02:32.981667+00', 4, '[]', NULL, NULL, 'default', NULL, NULL, 0, 0, 0, 0);
INSERT INTO mc_order VALUES (10, 'MC-1Y9S0J2RVN', '-nK8l0DQbNBqJP9jYTtgOs7OUVTQxn36', 'f0dfcd76ac09b1bc418cbb8b196b55b127fcf8e7b3db2ab9cdd2ca12189dfb57', 'pending', 'pending', 'unfulfilled', 'BRL', 9180, 0, 1590, 918, 11688, '{"name": "Ana", "email": "ana@example.com", "document": "529.982.247-25"}', '{"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}', 'pac', 'Pne0cE9EtRuw7tMyBPae0wbF3ChZTOcC', '2026-11-28 23:02:33.047408+00', '2026-11-28 23:02:33.047408+00', 1, '[]', NULL, NULL, 'default', NULL, NULL, 0, 0, 0, 0);
INSERT INTO mc_order VALUES (11, 'MC-SV84TH2TV8', 'J4-YufiWd38ukQMQj5Pfnb1tixiYQjDr', '2a9a764317a107a402cc33d529421f25bdc0416b2e7b3f366a3b885fe03e366a', 'completed', 'paid', 'fulfilled', 'BRL', 25800, 0, 0, 2580, 28380, '{"name": "Ana", "email": "ana@example.com", "document": "529.982.247-25"}', '{"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}', 'pac', 'MJRP27PEc_-ZNImZA6prGMyypbVz7F7c', '2026-11-28 23:02:33.099531+00', '2026-11-28 23:02:33.196731+00', 1, '[]', NULL, NULL, 'default', NULL, NULL, 0, 0, 0, 0);
INSERT INTO mc_order VALUES (12, 'MC-XB7N7SE4HH', 'oVciskaYbDAPBXrJjynanTFJ7wS_h3EU', '38f3f1e00ac087515acf1029ad5ff498652378258c9840a1d8e0aa92432c7426', 'placed', 'partially_refunded', 'unfulfilled', 'BRL', 9180, 0, 1590, 918, 11688, '{"name": "Bia", "email": "bia@example.com", "document": "529.982.247-25"}', '{"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}', 'pac', 'goq-W0HwjXL5NMAjLsebwXu7KMBsvwdi', '2026-11-28 23:02:33.265369+00', '2026-11-28 23:02:33.407388+00', 2, '[]', NULL, NULL, 'default', NULL, NULL, 0, 0, 1000, 0);
INSERT INTO mc_order VALUES (13, 'MC-3DB8CEXM2D', 'PkeCCDn5D3hHawp0R0b_HUPkx_z9dNxo', '1acd55ad0b8fff44618321036a7df2df6382bc35e43c5e015d59660bb5d465a9', 'cancelled', 'refunded', 'unfulfilled', 'BRL', 9180, 0, 1590, 918, 11688, '{"name": "Ana", "email": "ana@example.com", "document": "529.982.247-25"}', '{"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}', 'pac', 'D8eEyZyukrP1QGo0lVuLzSxnBwEzKjOQ', '2026-11-28 23:02:33.452339+00', '2026-11-28 23:02:33.596978+00', 1, '[]', NULL, NULL, 'default', NULL, NULL, 0, 0, 0, 0);
INSERT INTO mc_order_credit VALUES (1, 12, NULL, 'goodwill', 0, 1000, 'ref_hmnjlnSds3T7q7TQaML9tCVQyVJRprWW', '2026-11-28 23:02:33.397029+00');
INSERT INTO mc_order_line VALUES (1, 1, 1, 'CERRADO-250', 'Café Cerrado – 250 g', 2, 4590, 9180, 0, 918, 0, 0, 0, 0, 0, '{}');
INSERT INTO mc_order_line VALUES (2, 2, 1, 'CERRADO-250', 'Café Cerrado – 250 g', 2, 4590, 9180, 918, 826, 0, 0, 0, 0, 0, '{}');
INSERT INTO mc_order_line VALUES (3, 3, 1, 'CERRADO-250', 'Café Cerrado – 250 g', 2, 4590, 9180, 0, 918, 0, 0, 0, 0, 0, '{}');
INSERT INTO mc_order_line VALUES (4, 4, 1, 'CERRADO-250', 'Café Cerrado – 250 g', 2, 4590, 9180, 0, 918, 0, 0, 0, 0, 0, '{}');
INSERT INTO mc_order_line VALUES (5, 5, 1, 'CERRADO-250', 'Café Cerrado – 250 g', 2, 4590, 9180, 0, 918, 0, 0, 0, 0, 0, '{}');
INSERT INTO mc_order_line VALUES (6, 6, 1, 'CERRADO-250', 'Café Cerrado – 250 g', 2, 4590, 9180, 0, 918, 0, 0, 0, 0, 0, '{}');
INSERT INTO mc_order_line VALUES (7, 7, 1, 'CERRADO-250', 'Café Cerrado – 250 g', 2, 4590, 9180, 0, 918, 0, 0, 0, 0, 0, '{}');
INSERT INTO mc_order_line VALUES (8, 8, 1, 'CERRADO-250', 'Café Cerrado – 250 g', 2, 4590, 9180, 0, 918, 0, 0, 0, 0, 0, '{}');
INSERT INTO mc_order_line VALUES (9, 9, 1, 'CERRADO-250', 'Café Cerrado – 250 g', 2, 4590, 9180, 0, 918, 0, 0, 0, 0, 0, '{}');
INSERT INTO mc_order_line VALUES (10, 10, 1, 'CERRADO-250', 'Café Cerrado – 250 g', 2, 4590, 9180, 0, 918, 0, 0, 0, 0, 0, '{}');
INSERT INTO mc_order_line VALUES (11, 11, 3, 'PRENSA', 'Prensa francesa – 600 ml', 2, 12900, 25800, 0, 2580, 0, 0, 2, 0, 0, '{}');
INSERT INTO mc_order_line VALUES (12, 12, 1, 'CERRADO-250', 'Café Cerrado – 250 g', 2, 4590, 9180, 0, 918, 0, 0, 0, 0, 0, '{}');
INSERT INTO mc_order_line VALUES (13, 13, 1, 'CERRADO-250', 'Café Cerrado – 250 g', 2, 4590, 9180, 0, 918, 0, 0, 0, 0, 0, '{}');
INSERT INTO mc_order_tax VALUES (1, 1, 1, 'VAT', 100000, 'exclusive', false, 918);
INSERT INTO mc_order_tax VALUES (2, 2, 2, 'VAT', 100000, 'exclusive', false, 826);
INSERT INTO mc_order_tax VALUES (3, 3, 3, 'VAT', 100000, 'exclusive', false, 918);
INSERT INTO mc_order_tax VALUES (4, 4, 4, 'VAT', 100000, 'exclusive', false, 918);
INSERT INTO mc_order_tax VALUES (5, 5, 5, 'VAT', 100000, 'exclusive', false, 918);
INSERT INTO mc_order_tax VALUES (6, 6, 6, 'VAT', 100000, 'exclusive', false, 918);
INSERT INTO mc_order_tax VALUES (7, 7, 7, 'VAT', 100000, 'exclusive', false, 918);
INSERT INTO mc_order_tax VALUES (8, 8, 8, 'VAT', 100000, 'exclusive', false, 918);
INSERT INTO mc_order_tax VALUES (9, 9, 9, 'VAT', 100000, 'exclusive', false, 918);
INSERT INTO mc_order_tax VALUES (10, 10, 10, 'VAT', 100000, 'exclusive', false, 918);
INSERT INTO mc_order_tax VALUES (11, 11, 11, 'VAT', 100000, 'exclusive', false, 2580);
INSERT INTO mc_order_tax VALUES (12, 12, 12, 'VAT', 100000, 'exclusive', false, 918);
INSERT INTO mc_order_tax VALUES (13, 13, 13, 'VAT', 100000, 'exclusive', false, 918);
INSERT INTO mc_outbox VALUES (21, 'order', 'MC-HADQXQY8FM', 'OrderChanged', '{"number": "MC-HADQXQY8FM", "status": "pending", "payment_status": "pending", "customer_id": 3}', '2026-11-28 23:02:32.325203+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (22, 'cart', 'JdkLfVoZr7KyNRabiHgJOIt-560kCEdw', 'CartChanged', '{"cart_id": "JdkLfVoZr7KyNRabiHgJOIt-560kCEdw"}', '2026-11-28 23:02:32.325203+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (23, 'order', 'MC-HADQXQY8FM', 'OrderChanged', '{"number": "MC-HADQXQY8FM", "status": "placed", "payment_status": "authorized", "customer_id": 3}', '2026-11-28 23:02:32.349297+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (24, 'order', 'MC-HADQXQY8FM', 'OrderChanged', '{"number": "MC-HADQXQY8FM", "status": "placed", "payment_status": "authorized", "customer_id": 3}', '2026-11-28 23:02:32.412818+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (25, 'order', 'MC-HADQXQY8FM', 'OrderChanged', '{"number": "MC-HADQXQY8FM", "status": "placed", "payment_status": "paid", "customer_id": 3}', '2026-11-28 23:02:32.446423+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (26, 'cart', 'HQ9YZtDQcFMiMqVeiwXG9NucZKeGUcbu', 'CartChanged', '{"cart_id": "HQ9YZtDQcFMiMqVeiwXG9NucZKeGUcbu"}', '2026-11-28 23:02:32.460745+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (27, 'product', '1', 'StockChanged', '{"product_id": 1, "availability_flipped": false}', '2026-11-28 23:02:32.512664+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (28, 'order', 'MC-SFTVJZ3X51', 'OrderChanged', '{"number": "MC-SFTVJZ3X51", "status": "pending", "payment_status": "pending", "customer_id": 1}', '2026-11-28 23:02:32.512664+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (29, 'cart', 'HQ9YZtDQcFMiMqVeiwXG9NucZKeGUcbu', 'CartChanged', '{"cart_id": "HQ9YZtDQcFMiMqVeiwXG9NucZKeGUcbu"}', '2026-11-28 23:02:32.512664+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (30, 'order', 'MC-SFTVJZ3X51', 'OrderChanged', '{"number": "MC-SFTVJZ3X51", "status": "placed", "payment_status": "authorized", "customer_id": 1}', '2026-11-28 23:02:32.546184+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (31, 'order', 'MC-SFTVJZ3X51', 'OrderChanged', '{"number": "MC-SFTVJZ3X51", "status": "placed", "payment_status": "authorized", "customer_id": 1}', '2026-11-28 23:02:32.588833+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (32, 'order', 'MC-SFTVJZ3X51', 'OrderChanged', '{"number": "MC-SFTVJZ3X51", "status": "placed", "payment_status": "void", "customer_id": 1}', '2026-11-28 23:02:32.627588+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (33, 'cart', 'eHJ8tVeeTvpmUS0_HrMQ3_4tBO6uctdk', 'CartChanged', '{"cart_id": "eHJ8tVeeTvpmUS0_HrMQ3_4tBO6uctdk"}', '2026-11-28 23:02:32.666122+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (34, 'product', '1', 'StockChanged', '{"product_id": 1, "availability_flipped": false}', '2026-11-28 23:02:32.724852+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (35, 'order', 'MC-KVG10N0939', 'OrderChanged', '{"number": "MC-KVG10N0939", "status": "pending", "payment_status": "pending", "customer_id": 1}', '2026-11-28 23:02:32.724852+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (36, 'cart', 'eHJ8tVeeTvpmUS0_HrMQ3_4tBO6uctdk', 'CartChanged', '{"cart_id": "eHJ8tVeeTvpmUS0_HrMQ3_4tBO6uctdk"}', '2026-11-28 23:02:32.724852+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (37, 'product', '1', 'StockChanged', '{"product_id": 1, "availability_flipped": false}', '2026-11-28 23:02:32.764958+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (38, 'order', 'MC-KVG10N0939', 'OrderChanged', '{"number": "MC-KVG10N0939", "status": "cancelled", "payment_status": "declined", "customer_id": 1}', '2026-11-28 23:02:32.779819+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (39, 'cart', 'eHJ8tVeeTvpmUS0_HrMQ3_4tBO6uctdk', 'CartChanged', '{"cart_id": "eHJ8tVeeTvpmUS0_HrMQ3_4tBO6uctdk"}', '2026-11-28 23:02:32.783497+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (40, 'cart', 'xeUuVmtRUJIwKbuaTzOlArN53bt52BLN', 'CartChanged', '{"cart_id": "xeUuVmtRUJIwKbuaTzOlArN53bt52BLN"}', '2026-11-28 23:02:32.823005+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (41, 'product', '1', 'StockChanged', '{"product_id": 1, "availability_flipped": false}', '2026-11-28 23:02:32.865171+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (42, 'order', 'MC-XRY3NG64YP', 'OrderChanged', '{"number": "MC-XRY3NG64YP", "status": "pending", "payment_status": "pending", "customer_id": 1}', '2026-11-28 23:02:32.865171+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (43, 'cart', 'xeUuVmtRUJIwKbuaTzOlArN53bt52BLN', 'CartChanged', '{"cart_id": "xeUuVmtRUJIwKbuaTzOlArN53bt52BLN"}', '2026-11-28 23:02:32.865171+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (44, 'cart', 'ED1CwERa4-C55-AuSpaaUOK7371LL4lf', 'CartChanged', '{"cart_id": "ED1CwERa4-C55-AuSpaaUOK7371LL4lf"}', '2026-11-28 23:02:32.887384+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (45, 'product', '1', 'StockChanged', '{"product_id": 1, "availability_flipped": false}', '2026-11-28 23:02:32.917175+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (46, 'order', 'MC-ZX3JVZXRA3', 'OrderChanged', '{"number": "MC-ZX3JVZXRA3", "status": "pending", "payment_status": "pending", "customer_id": 1}', '2026-11-28 23:02:32.917175+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (47, 'cart', 'ED1CwERa4-C55-AuSpaaUOK7371LL4lf', 'CartChanged', '{"cart_id": "ED1CwERa4-C55-AuSpaaUOK7371LL4lf"}', '2026-11-28 23:02:32.917175+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (48, 'cart', 'JdLVo3Wc21n8lwGkcuwpAfTmpyia8yTo', 'CartChanged', '{"cart_id": "JdLVo3Wc21n8lwGkcuwpAfTmpyia8yTo"}', '2026-11-28 23:02:32.948944+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (49, 'product', '1', 'StockChanged', '{"product_id": 1, "availability_flipped": false}', '2026-11-28 23:02:32.987866+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (50, 'order', 'MC-PEA3G6MV63', 'OrderChanged', '{"number": "MC-PEA3G6MV63", "status": "pending", "payment_status": "pending", "customer_id": 4}', '2026-11-28 23:02:32.987866+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (51, 'cart', 'JdLVo3Wc21n8lwGkcuwpAfTmpyia8yTo', 'CartChanged', '{"cart_id": "JdLVo3Wc21n8lwGkcuwpAfTmpyia8yTo"}', '2026-11-28 23:02:32.987866+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (52, 'cart', '-nK8l0DQbNBqJP9jYTtgOs7OUVTQxn36', 'CartChanged', '{"cart_id": "-nK8l0DQbNBqJP9jYTtgOs7OUVTQxn36"}', '2026-11-28 23:02:33.023167+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (53, 'product', '1', 'StockChanged', '{"product_id": 1, "availability_flipped": false}', '2026-11-28 23:02:33.066632+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (54, 'order', 'MC-1Y9S0J2RVN', 'OrderChanged', '{"number": "MC-1Y9S0J2RVN", "status": "pending", "payment_status": "pending", "customer_id": 1}', '2026-11-28 23:02:33.066632+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (55, 'cart', '-nK8l0DQbNBqJP9jYTtgOs7OUVTQxn36', 'CartChanged', '{"cart_id": "-nK8l0DQbNBqJP9jYTtgOs7OUVTQxn36"}', '2026-11-28 23:02:33.066632+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (56, 'cart', 'J4-YufiWd38ukQMQj5Pfnb1tixiYQjDr', 'CartChanged', '{"cart_id": "J4-YufiWd38ukQMQj5Pfnb1tixiYQjDr"}', '2026-11-28 23:02:33.076323+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (57, 'product', '2', 'StockChanged', '{"product_id": 2, "availability_flipped": false}', '2026-11-28 23:02:33.124865+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (58, 'order', 'MC-SV84TH2TV8', 'OrderChanged', '{"number": "MC-SV84TH2TV8", "status": "pending", "payment_status": "pending", "customer_id": 1}', '2026-11-28 23:02:33.124865+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (59, 'cart', 'J4-YufiWd38ukQMQj5Pfnb1tixiYQjDr', 'CartChanged', '{"cart_id": "J4-YufiWd38ukQMQj5Pfnb1tixiYQjDr"}', '2026-11-28 23:02:33.124865+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (60, 'order', 'MC-SV84TH2TV8', 'OrderChanged', '{"number": "MC-SV84TH2TV8", "status": "placed", "payment_status": "paid", "customer_id": 1}', '2026-11-28 23:02:33.148725+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (61, 'product', '2', 'StockChanged', '{"product_id": 2, "availability_flipped": false}', '2026-11-28 23:02:33.178792+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (62, 'order', 'MC-SV84TH2TV8', 'OrderChanged', '{"number": "MC-SV84TH2TV8", "status": "completed", "payment_status": "paid", "customer_id": 1}', '2026-11-28 23:02:33.199461+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (63, 'order', 'MC-SV84TH2TV8', 'OrderShipped', '{"number": "MC-SV84TH2TV8", "shipment_id": 1, "customer_id": 1}', '2026-11-28 23:02:33.200028+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (64, 'cart', 'oVciskaYbDAPBXrJjynanTFJ7wS_h3EU', 'CartChanged', '{"cart_id": "oVciskaYbDAPBXrJjynanTFJ7wS_h3EU"}', '2026-11-28 23:02:33.233186+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (65, 'product', '1', 'StockChanged', '{"product_id": 1, "availability_flipped": false}', '2026-11-28 23:02:33.281339+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (66, 'order', 'MC-XB7N7SE4HH', 'OrderChanged', '{"number": "MC-XB7N7SE4HH", "status": "pending", "payment_status": "pending", "customer_id": 2}', '2026-11-28 23:02:33.281339+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (67, 'cart', 'oVciskaYbDAPBXrJjynanTFJ7wS_h3EU', 'CartChanged', '{"cart_id": "oVciskaYbDAPBXrJjynanTFJ7wS_h3EU"}', '2026-11-28 23:02:33.281339+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (68, 'order', 'MC-XB7N7SE4HH', 'OrderChanged', '{"number": "MC-XB7N7SE4HH", "status": "placed", "payment_status": "paid", "customer_id": 2}', '2026-11-28 23:02:33.298597+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (69, 'order', 'MC-XB7N7SE4HH', 'OrderChanged', '{"number": "MC-XB7N7SE4HH", "status": "placed", "payment_status": "partially_refunded", "customer_id": 2}', '2026-11-28 23:02:33.414991+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (70, 'cart', 'PkeCCDn5D3hHawp0R0b_HUPkx_z9dNxo', 'CartChanged', '{"cart_id": "PkeCCDn5D3hHawp0R0b_HUPkx_z9dNxo"}', '2026-11-28 23:02:33.43376+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (71, 'product', '1', 'StockChanged', '{"product_id": 1, "availability_flipped": false}', '2026-11-28 23:02:33.467672+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (72, 'order', 'MC-3DB8CEXM2D', 'OrderChanged', '{"number": "MC-3DB8CEXM2D", "status": "pending", "payment_status": "pending", "customer_id": 1}', '2026-11-28 23:02:33.467672+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (73, 'cart', 'PkeCCDn5D3hHawp0R0b_HUPkx_z9dNxo', 'CartChanged', '{"cart_id": "PkeCCDn5D3hHawp0R0b_HUPkx_z9dNxo"}', '2026-11-28 23:02:33.467672+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (74, 'order', 'MC-3DB8CEXM2D', 'OrderChanged', '{"number": "MC-3DB8CEXM2D", "status": "placed", "payment_status": "paid", "customer_id": 1}', '2026-11-28 23:02:33.48366+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (75, 'product', '1', 'StockChanged', '{"product_id": 1, "availability_flipped": false}', '2026-11-28 23:02:33.519771+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (76, 'order', 'MC-3DB8CEXM2D', 'OrderChanged', '{"number": "MC-3DB8CEXM2D", "status": "cancelled", "payment_status": "refund_due", "customer_id": 1}', '2026-11-28 23:02:33.530858+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (77, 'order', 'MC-3DB8CEXM2D', 'OrderChanged', '{"number": "MC-3DB8CEXM2D", "status": "cancelled", "payment_status": "refunded", "customer_id": 1}', '2026-11-28 23:02:33.601312+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (78, 'cart', 'RUpsaS5ufC4mTo_oZkRuIzk6-1dvzFRS', 'CartChanged', '{"cart_id": "RUpsaS5ufC4mTo_oZkRuIzk6-1dvzFRS"}', '2026-11-28 23:02:33.605988+00', 0, NULL, NULL, NULL);
INSERT INTO mc_outbox VALUES (1, 'product', '1', 'ProductChanged', '{"product_id": 1, "category_id": 2}', '2026-11-28 23:02:31.411488+00', 1, NULL, '2026-11-28 23:02:33.631497+00', NULL);
INSERT INTO mc_outbox VALUES (2, 'product', '2', 'ProductChanged', '{"product_id": 2, "category_id": 3}', '2026-11-28 23:02:31.543842+00', 1, NULL, '2026-11-28 23:02:33.631497+00', NULL);
INSERT INTO mc_outbox VALUES (3, 'cart', '-LUNU5qBPl7uShNCuF-_hoQO1PNPjs_O', 'CartChanged', '{"cart_id": "-LUNU5qBPl7uShNCuF-_hoQO1PNPjs_O"}', '2026-11-28 23:02:31.704875+00', 1, NULL, '2026-11-28 23:02:33.631497+00', NULL);
INSERT INTO mc_outbox VALUES (4, 'product', '1', 'StockChanged', '{"product_id": 1, "availability_flipped": false}', '2026-11-28 23:02:31.87734+00', 1, NULL, '2026-11-28 23:02:33.631497+00', NULL);
INSERT INTO mc_outbox VALUES (5, 'order', 'MC-RXZEYPZMP9', 'OrderChanged', '{"number": "MC-RXZEYPZMP9", "status": "pending", "payment_status": "pending", "customer_id": 1}', '2026-11-28 23:02:31.87734+00', 1, NULL, '2026-11-28 23:02:33.631497+00', NULL);
INSERT INTO mc_outbox VALUES (6, 'cart', '-LUNU5qBPl7uShNCuF-_hoQO1PNPjs_O', 'CartChanged', '{"cart_id": "-LUNU5qBPl7uShNCuF-_hoQO1PNPjs_O"}', '2026-11-28 23:02:31.87734+00', 1, NULL, '2026-11-28 23:02:33.631497+00', NULL);
INSERT INTO mc_outbox VALUES (7, 'order', 'MC-RXZEYPZMP9', 'OrderChanged', '{"number": "MC-RXZEYPZMP9", "status": "placed", "payment_status": "paid", "customer_id": 1}', '2026-11-28 23:02:31.960916+00', 1, NULL, '2026-11-28 23:02:33.631497+00', NULL);
INSERT INTO mc_outbox VALUES (8, 'cart', 'XqLkPN4rtGq9iZOmMG6hDlZRDqqBVZk8', 'CartChanged', '{"cart_id": "XqLkPN4rtGq9iZOmMG6hDlZRDqqBVZk8"}', '2026-11-28 23:02:32.001185+00', 1, NULL, '2026-11-28 23:02:33.631497+00', NULL);
INSERT INTO mc_outbox VALUES (9, 'cart', 'XqLkPN4rtGq9iZOmMG6hDlZRDqqBVZk8', 'CartChanged', '{"cart_id": "XqLkPN4rtGq9iZOmMG6hDlZRDqqBVZk8"}', '2026-11-28 23:02:32.034814+00', 1, NULL, '2026-11-28 23:02:33.631497+00', NULL);
INSERT INTO mc_outbox VALUES (10, 'product', '1', 'StockChanged', '{"product_id": 1, "availability_flipped": false}', '2026-11-28 23:02:32.117187+00', 1, NULL, '2026-11-28 23:02:33.631497+00', NULL);
INSERT INTO mc_outbox VALUES (11, 'order', 'MC-XNPPG18KRK', 'OrderChanged', '{"number": "MC-XNPPG18KRK", "status": "pending", "payment_status": "pending", "customer_id": 2}', '2026-11-28 23:02:32.117187+00', 1, NULL, '2026-11-28 23:02:33.631497+00', NULL);
INSERT INTO mc_outbox VALUES (12, 'cart', 'XqLkPN4rtGq9iZOmMG6hDlZRDqqBVZk8', 'CartChanged', '{"cart_id": "XqLkPN4rtGq9iZOmMG6hDlZRDqqBVZk8"}', '2026-11-28 23:02:32.117187+00', 1, NULL, '2026-11-28 23:02:33.631497+00', NULL);
INSERT INTO mc_outbox VALUES (13, 'order', 'MC-XNPPG18KRK', 'OrderChanged', '{"number": "MC-XNPPG18KRK", "status": "placed", "payment_status": "paid", "customer_id": 2}', '2026-11-28 23:02:32.138435+00', 1, NULL, '2026-11-28 23:02:33.631497+00', NULL);
INSERT INTO mc_outbox VALUES (14, 'cart', '0wQqBlJyFpGIhd88QlOtwTNTAwv_Knwn', 'CartChanged', '{"cart_id": "0wQqBlJyFpGIhd88QlOtwTNTAwv_Knwn"}', '2026-11-28 23:02:32.171013+00', 1, NULL, '2026-11-28 23:02:33.631497+00', NULL);
INSERT INTO mc_outbox VALUES (15, 'product', '1', 'StockChanged', '{"product_id": 1, "availability_flipped": false}', '2026-11-28 23:02:32.224953+00', 1, NULL, '2026-11-28 23:02:33.631497+00', NULL);
INSERT INTO mc_outbox VALUES (16, 'order', 'MC-VXZJX81SE5', 'OrderChanged', '{"number": "MC-VXZJX81SE5", "status": "pending", "payment_status": "pending", "customer_id": 1}', '2026-11-28 23:02:32.224953+00', 1, NULL, '2026-11-28 23:02:33.631497+00', NULL);
INSERT INTO mc_outbox VALUES (17, 'cart', '0wQqBlJyFpGIhd88QlOtwTNTAwv_Knwn', 'CartChanged', '{"cart_id": "0wQqBlJyFpGIhd88QlOtwTNTAwv_Knwn"}', '2026-11-28 23:02:32.224953+00', 1, NULL, '2026-11-28 23:02:33.631497+00', NULL);
INSERT INTO mc_outbox VALUES (18, 'order', 'MC-VXZJX81SE5', 'OrderChanged', '{"number": "MC-VXZJX81SE5", "status": "placed", "payment_status": "authorized", "customer_id": 1}', '2026-11-28 23:02:32.269008+00', 1, NULL, '2026-11-28 23:02:33.631497+00', NULL);
INSERT INTO mc_outbox VALUES (19, 'cart', 'JdkLfVoZr7KyNRabiHgJOIt-560kCEdw', 'CartChanged', '{"cart_id": "JdkLfVoZr7KyNRabiHgJOIt-560kCEdw"}', '2026-11-28 23:02:32.285375+00', 1, NULL, '2026-11-28 23:02:33.631497+00', NULL);
INSERT INTO mc_outbox VALUES (20, 'product', '1', 'StockChanged', '{"product_id": 1, "availability_flipped": false}', '2026-11-28 23:02:32.325203+00', 1, NULL, '2026-11-28 23:02:33.631497+00', NULL);
INSERT INTO mc_payment VALUES ('pay_f5pSYih8QNUgAh0fyGhyp3mObHewP-wV', 'MC-RXZEYPZMP9', 'card', 'card', 'BRL', 11688, 'captured', true, 'fake_p3mObHewP-wV', '{}', '2026-11-28 23:03:01.865472+00', '2026-11-28 23:32:31.865472+00', '2026-11-28 23:02:31.86552+00', 0, NULL, 0, 11688, 0, 0, 0);
INSERT INTO mc_payment VALUES ('pay_jB3ubUauswXfNaKK34sNqTR-IcApWoNd', 'MC-XNPPG18KRK', 'card', 'card', 'BRL', 10678, 'captured', true, 'fake_qTR-IcApWoNd', '{}', '2026-11-28 23:03:02.112868+00', '2026-11-28 23:32:32.112868+00', '2026-11-28 23:02:32.112921+00', 0, NULL, 0, 10678, 0, 0, 0);
INSERT INTO mc_payment VALUES ('pay_Yvd7Lbo_PPFkLnbfk-PW5XNtAhRGBON1', 'MC-VXZJX81SE5', 'card', 'card', 'BRL', 11688, 'authorized', true, 'fake_5XNtAhRGBON1', '{}', '2026-11-28 23:03:02.221335+00', '2026-11-28 23:32:32.221335+00', '2026-11-28 23:02:32.221414+00', 0, NULL, 11688, 0, 0, 0, 0);
INSERT INTO mc_payment VALUES ('pay_G-82xnE6zPLsxThobQ4HohI4YciuVowm', 'MC-HADQXQY8FM', 'card', 'card', 'BRL', 11688, 'captured', true, 'fake_ohI4YciuVowm', '{}', '2026-11-28 23:03:02.322666+00', '2026-11-28 23:32:32.322666+00', '2026-11-28 23:02:32.322703+00', 0, NULL, 11688, 11688, 0, 0, 0);
INSERT INTO mc_payment VALUES ('pay_B8RIu0aqJTKfV5HHC2ib1QbrRTDb3r99', 'MC-SFTVJZ3X51', 'card', 'card', 'BRL', 11688, 'voided', true, 'fake_1QbrRTDb3r99', '{}', '2026-11-28 23:03:02.511497+00', '2026-11-28 23:32:32.511497+00', '2026-11-28 23:02:32.511542+00', 0, NULL, 11688, 0, 11688, 0, 0);
INSERT INTO mc_payment VALUES ('pay_uWXjdopXJO18bVz1cvkR5wEna-roiVsc', 'MC-KVG10N0939', 'card', 'card', 'BRL', 11688, 'declined', true, 'fake_5wEna-roiVsc', '{}', '2026-11-28 23:03:02.721659+00', '2026-11-28 23:32:32.721659+00', '2026-11-28 23:02:32.721707+00', 0, NULL, 0, 0, 0, 0, 0);
INSERT INTO mc_payment VALUES ('pay_REpIaTmwqYCaNX5wpWXTpjljl1nBoKT4', 'MC-XRY3NG64YP', 'card', 'card', 'BRL', 11688, 'pending', false, '', '{}', '2026-11-28 23:03:02.85748+00', '2026-11-28 23:32:32.85748+00', '2026-11-28 23:02:32.857528+00', 0, NULL, 0, 0, 0, 0, 0);
INSERT INTO mc_payment VALUES ('pay_uOm34G2QB6vrpDK3tzCF5c1oKFMW0Gpc', 'MC-ZX3JVZXRA3', 'pix', 'pix', 'BRL', 11688, 'pending', true, '', '{"type": "pix", "br_code": "00020126410014br.gov.bcb.pix0119pix@mestres.example5204000053039865406116.885802BR5912Mestres Cafe6010Patrocinio62290525payuOm34G2QB6vrpDK3tzCF5c6304055A", "expires_at": "2026-11-28T23:32:32.915272+00:00"}', '2026-11-28 23:03:02.915272+00', '2026-11-28 23:32:32.915272+00', '2026-11-28 23:02:32.915313+00', 0, NULL, 0, 0, 0, 0, 0);
INSERT INTO mc_payment VALUES ('pay_ijnEtZjtjklNFX2WL4-uNqOStIO5Nx2n', 'MC-PEA3G6MV63', 'boleto', 'boleto', 'BRL', 11688, 'pending', true, '', '{"type": "boleto", "barcode": "34195164800000116880520644823560638392574455", "line": "34190520674482356063483925744555516480000011688", "due_date": "2026-12-02", "expires_at": "2026-12-05T02:59:59+00:00"}', '2026-11-28 23:03:02.985469+00', '2026-12-05 02:59:59+00', '2026-11-28 23:02:32.985572+00', 0, NULL, 0, 0, 0, 0, 0);
INSERT INTO mc_payment VALUES ('pay_cvUcmnm6zwtRCApl2ZCNwSsNTBMhsRft', 'MC-1Y9S0J2RVN', 'card', 'card', 'BRL', 11688, 'pending', false, '', '{}', '2026-11-28 23:03:03.065159+00', '2026-11-28 23:32:33.065159+00', '2026-11-28 23:02:33.065202+00', 0, NULL, 0, 0, 0, 0, 0);
INSERT INTO mc_payment VALUES ('pay_HrE0DeZ18Edk5W1geEE8mAlO8CAP-r87', 'MC-SV84TH2TV8', 'card', 'card', 'BRL', 28380, 'captured', true, 'fake_mAlO8CAP-r87', '{}', '2026-11-28 23:03:03.121182+00', '2026-11-28 23:32:33.121182+00', '2026-11-28 23:02:33.12123+00', 0, NULL, 0, 28380, 0, 0, 0);
INSERT INTO mc_payment VALUES ('pay_u_h3r6Maut4JqEmH7M7ZrrlDl72UcWBL', 'MC-XB7N7SE4HH', 'card', 'card', 'BRL', 11688, 'captured', true, 'fake_rrlDl72UcWBL', '{}', '2026-11-28 23:03:03.27834+00', '2026-11-28 23:32:33.27834+00', '2026-11-28 23:02:33.278378+00', 0, NULL, 0, 11688, 0, 1000, 0);
INSERT INTO mc_payment VALUES ('pay_UTkIfibQwRBoUlxcMjAs6PUnOfeigNtO', 'MC-3DB8CEXM2D', 'card', 'card', 'BRL', 11688, 'captured', true, 'fake_6PUnOfeigNtO', '{}', '2026-11-28 23:03:03.466588+00', '2026-11-28 23:32:33.466588+00', '2026-11-28 23:02:33.466626+00', 0, NULL, 0, 11688, 0, 11688, 0);
INSERT INTO mc_payment_event VALUES (1, 'card', 'evt_pay_f5pSYih8QNUgAh0fyGhyp3mObHewP-wV', 'pay_f5pSYih8QNUgAh0fyGhyp3mObHewP-wV', 'captured', 11688, '{}', 'fake_p3mObHewP-wV', 'applied', '2026-11-28 23:02:31.905342+00', '');
INSERT INTO mc_payment_event VALUES (2, 'card', 'evt_pay_jB3ubUauswXfNaKK34sNqTR-IcApWoNd', 'pay_jB3ubUauswXfNaKK34sNqTR-IcApWoNd', 'captured', 10678, '{}', 'fake_qTR-IcApWoNd', 'applied', '2026-11-28 23:02:32.122892+00', '');
INSERT INTO mc_payment_event VALUES (3, 'card', 'evt_pay_Yvd7Lbo_PPFkLnbfk-PW5XNtAhRGBON1', 'pay_Yvd7Lbo_PPFkLnbfk-PW5XNtAhRGBON1', 'authorized', 11688, '{}', 'fake_5XNtAhRGBON1', 'applied', '2026-11-28 23:02:32.233548+00', '');
INSERT INTO mc_payment_event VALUES (4, 'card', 'evt_pay_G-82xnE6zPLsxThobQ4HohI4YciuVowm', 'pay_G-82xnE6zPLsxThobQ4HohI4YciuVowm', 'authorized', 11688, '{}', 'fake_ohI4YciuVowm', 'applied', '2026-11-28 23:02:32.341001+00', '');
INSERT INTO mc_payment_event VALUES (5, 'card', 'cap_pay_G-82xnE6zPLsxThobQ4HohI4YciuVowm', 'pay_G-82xnE6zPLsxThobQ4HohI4YciuVowm', 'captured', 11688, '{}', 'fake_ohI4YciuVowm', 'applied', '2026-11-28 23:02:32.422312+00', '');
INSERT INTO mc_payment_event VALUES (6, 'card', 'evt_pay_B8RIu0aqJTKfV5HHC2ib1QbrRTDb3r99', 'pay_B8RIu0aqJTKfV5HHC2ib1QbrRTDb3r99', 'authorized', 11688, '{}', 'fake_1QbrRTDb3r99', 'applied', '2026-11-28 23:02:32.530672+00', '');
INSERT INTO mc_payment_event VALUES (7, 'card', 'evt_voi_x1lgJPbC7rKxIjGDokBssO4Fap_HPpKF', 'pay_B8RIu0aqJTKfV5HHC2ib1QbrRTDb3r99', 'voided', 11688, '{}', 'fake_1QbrRTDb3r99', 'applied', '2026-11-28 23:02:32.609009+00', 'voi_x1lgJPbC7rKxIjGDokBssO4Fap_HPpKF');
INSERT INTO mc_payment_event VALUES (8, 'card', 'evt_pay_uWXjdopXJO18bVz1cvkR5wEna-roiVsc', 'pay_uWXjdopXJO18bVz1cvkR5wEna-roiVsc', 'declined', 11688, '{}', 'fake_5wEna-roiVsc', 'applied', '2026-11-28 23:02:32.7428+00', '');
INSERT INTO mc_payment_event VALUES (9, 'pix', 'cob_pay_uOm34G2QB6vrpDK3tzCF5c1oKFMW0Gpc', 'pay_uOm34G2QB6vrpDK3tzCF5c1oKFMW0Gpc', 'pending', 11688, '{"type": "pix", "br_code": "00020126410014br.gov.bcb.pix0119pix@mestres.example5204000053039865406116.885802BR5912Mestres Cafe6010Patrocinio62290525payuOm34G2QB6vrpDK3tzCF5c6304055A", "expires_at": "2026-11-28T23:32:32.915272+00:00"}', '', 'applied', '2026-11-28 23:02:32.927223+00', '');
INSERT INTO mc_payment_event VALUES (10, 'boleto', 'slip_pay_ijnEtZjtjklNFX2WL4-uNqOStIO5Nx2n', 'pay_ijnEtZjtjklNFX2WL4-uNqOStIO5Nx2n', 'pending', 11688, '{"type": "boleto", "barcode": "34195164800000116880520644823560638392574455", "line": "34190520674482356063483925744555516480000011688", "due_date": "2026-12-02", "expires_at": "2026-12-05T02:59:59+00:00"}', '', 'applied', '2026-11-28 23:02:32.999283+00', '');
INSERT INTO mc_payment_event VALUES (11, 'card', 'evt_pay_HrE0DeZ18Edk5W1geEE8mAlO8CAP-r87', 'pay_HrE0DeZ18Edk5W1geEE8mAlO8CAP-r87', 'captured', 28380, '{}', 'fake_mAlO8CAP-r87', 'applied', '2026-11-28 23:02:33.140896+00', '');
INSERT INTO mc_payment_event VALUES (12, 'card', 'evt_pay_u_h3r6Maut4JqEmH7M7ZrrlDl72UcWBL', 'pay_u_h3r6Maut4JqEmH7M7ZrrlDl72UcWBL', 'captured', 11688, '{}', 'fake_rrlDl72UcWBL', 'applied', '2026-11-28 23:02:33.288492+00', '');
INSERT INTO mc_payment_event VALUES (13, 'card', 'ref_hmnjlnSds3T7q7TQaML9tCVQyVJRprWW', 'pay_u_h3r6Maut4JqEmH7M7ZrrlDl72UcWBL', 'refunded', 1000, '{}', '', 'applied', '2026-11-28 23:02:33.368112+00', 'ref_hmnjlnSds3T7q7TQaML9tCVQyVJRprWW');
INSERT INTO mc_payment_event VALUES (14, 'card', 'evt_pay_UTkIfibQwRBoUlxcMjAs6PUnOfeigNtO', 'pay_UTkIfibQwRBoUlxcMjAs6PUnOfeigNtO', 'captured', 11688, '{}', 'fake_6PUnOfeigNtO', 'applied', '2026-11-28 23:02:33.475556+00', '');
INSERT INTO mc_payment_event VALUES (15, 'card', 'ref_wO_6Fzb7Aif2M7aXfmOvH7gcaWRRRkeC', 'pay_UTkIfibQwRBoUlxcMjAs6PUnOfeigNtO', 'refunded', 11688, '{}', '', 'applied', '2026-11-28 23:02:33.585122+00', 'ref_wO_6Fzb7Aif2M7aXfmOvH7gcaWRRRkeC');
INSERT INTO mc_payment_operation VALUES ('cap_6KHQABy-P2gk86MHqapcVnFqwCtY6XtU', 'pay_G-82xnE6zPLsxThobQ4HohI4YciuVowm', 'MC-HADQXQY8FM', 'capture', 11688, false, 'done', NULL, '2026-11-28 23:03:02.361769+00', '2026-11-28 23:02:32.385284+00');
INSERT INTO mc_payment_operation VALUES ('voi_x1lgJPbC7rKxIjGDokBssO4Fap_HPpKF', 'pay_B8RIu0aqJTKfV5HHC2ib1QbrRTDb3r99', 'MC-SFTVJZ3X51', 'void', 11688, false, 'done', NULL, '2026-11-28 23:03:02.564027+00', '2026-11-28 23:02:32.573553+00');
INSERT INTO mc_price VALUES (1, 'BRL', 4590, 0);
INSERT INTO mc_price VALUES (2, 'BRL', 15990, 0);
INSERT INTO mc_price VALUES (3, 'BRL', 12900, 0);
INSERT INTO mc_product VALUES (1, 'cafe-cerrado', 'cafe-cerrado', 'Café Cerrado', 'cafe cerrado', '', 2, true, false, NULL, ' cafe cerrad ', ' cafe cerrad gra mineir natural 250 1000 ', '3b1d0e85e7094cb5af5a70925b7e8a98bc73d3c1ae69179a50ac9b10d31755fd', '2026-11-28 23:02:31.331292+00', '2026-11-28 23:02:31.317875+00', DEFAULT, DEFAULT);
INSERT INTO mc_product VALUES (2, 'prensa-francesa', 'prensa-francesa', 'Prensa francesa', 'prensa francesa', '', 3, true, false, NULL, ' prens frances ', ' prens frances equipament ', '33d214177e82c38f6054624579c4f57c627869877083bb8c0d970bcb9943fc4f', '2026-11-28 23:02:31.488278+00', '2026-11-28 23:02:31.483995+00', DEFAULT, DEFAULT);
INSERT INTO mc_product_card VALUES (1, 'BRL', 4590, 'CERRADO-250', NULL, true);
INSERT INTO mc_product_card VALUES (2, 'BRL', 12900, 'PRENSA', NULL, true);
INSERT INTO mc_promotion VALUES (1, 'coupon:CAFE10', 'CAFE10', 'cart', '{"conditions": [], "actions": [{"type": "percent", "percent": 10.0}]}', 'BRL', NULL, NULL, true, true, true, NULL, NULL, NULL, 0, 0, '2026-11-28 23:02:31.605147+00', '2026-11-28 23:02:31.605147+00');
INSERT INTO mc_promotion_code VALUES ('CAFE10', 1, NULL, 1, '2026-11-28 23:02:31.624891+00');
INSERT INTO mc_promotion_use VALUES (1, 'MC-XNPPG18KRK', 1, 'CAFE10', '2', 918, 'taken', '2026-11-28 23:02:32.092786+00');
INSERT INTO mc_quote VALUES ('952b20d1b5e19e7c19f32077c620596531cbfe305bc83b04548712350a8ad0ba', '-LUNU5qBPl7uShNCuF-_hoQO1PNPjs_O', '{"lines": [["CERRADO-250", 2, 4590]], "address": {"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}, "shipping_method": "pac", "currency": "BRL", "items": 9180, "discount": 0, "shipping": 1590, "tax": 918, "grand": 11688}', '2026-11-28 23:32:31+00');
INSERT INTO mc_quote VALUES ('f28a0c5338101ef5bd9ae943a121ac85ccc3c599597a2c0c6948ea47a5cc4568', 'XqLkPN4rtGq9iZOmMG6hDlZRDqqBVZk8', '{"lines": [["CERRADO-250", 2, 4590]], "address": {"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}, "shipping_method": "pac", "currency": "BRL", "items": 9180, "discount": 918, "shipping": 1590, "tax": 826, "grand": 10678}', '2026-11-28 23:32:32+00');
INSERT INTO mc_quote VALUES ('bee2655b0508bf0d28668f373712f8774c73a3013d012d50c580e4985824ede3', '0wQqBlJyFpGIhd88QlOtwTNTAwv_Knwn', '{"lines": [["CERRADO-250", 2, 4590]], "address": {"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}, "shipping_method": "pac", "currency": "BRL", "items": 9180, "discount": 0, "shipping": 1590, "tax": 918, "grand": 11688}', '2026-11-28 23:32:32+00');
INSERT INTO mc_quote VALUES ('88057297d16c14651e36d16d325b5f9629b7b1054c2de3dbd8a50098f2c2b4e2', 'JdkLfVoZr7KyNRabiHgJOIt-560kCEdw', '{"lines": [["CERRADO-250", 2, 4590]], "address": {"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}, "shipping_method": "pac", "currency": "BRL", "items": 9180, "discount": 0, "shipping": 1590, "tax": 918, "grand": 11688}', '2026-11-28 23:32:32+00');
INSERT INTO mc_quote VALUES ('c57e9cfb36d3e35e97d9bc6550bb9f5370da2d83af26bf8307f99ba621b5435d', 'HQ9YZtDQcFMiMqVeiwXG9NucZKeGUcbu', '{"lines": [["CERRADO-250", 2, 4590]], "address": {"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}, "shipping_method": "pac", "currency": "BRL", "items": 9180, "discount": 0, "shipping": 1590, "tax": 918, "grand": 11688}', '2026-11-28 23:32:32+00');
INSERT INTO mc_quote VALUES ('2bb605f4b26e02b7b9b23c631f3992c16b5df8105502484dbd73d350ae464147', 'eHJ8tVeeTvpmUS0_HrMQ3_4tBO6uctdk', '{"lines": [["CERRADO-250", 2, 4590]], "address": {"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}, "shipping_method": "pac", "currency": "BRL", "items": 9180, "discount": 0, "shipping": 1590, "tax": 918, "grand": 11688}', '2026-11-28 23:32:32+00');
INSERT INTO mc_quote VALUES ('ed523310d1096179ea655aa3cc44d1896a9d1bfcb45bcbcb9d2c1be0829fc31b', 'xeUuVmtRUJIwKbuaTzOlArN53bt52BLN', '{"lines": [["CERRADO-250", 2, 4590]], "address": {"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}, "shipping_method": "pac", "currency": "BRL", "items": 9180, "discount": 0, "shipping": 1590, "tax": 918, "grand": 11688}', '2026-11-28 23:32:32+00');
INSERT INTO mc_quote VALUES ('8415e0b272441314ffd315f6fedab24d3e524b57fe8ed1b750d0b915667d2adc', 'ED1CwERa4-C55-AuSpaaUOK7371LL4lf', '{"lines": [["CERRADO-250", 2, 4590]], "address": {"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}, "shipping_method": "pac", "currency": "BRL", "items": 9180, "discount": 0, "shipping": 1590, "tax": 918, "grand": 11688}', '2026-11-28 23:32:32+00');
INSERT INTO mc_quote VALUES ('fe04259463a647efe1ec407146c5025ab13c4798716675842c8e94c635881372', 'JdLVo3Wc21n8lwGkcuwpAfTmpyia8yTo', '{"lines": [["CERRADO-250", 2, 4590]], "address": {"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}, "shipping_method": "pac", "currency": "BRL", "items": 9180, "discount": 0, "shipping": 1590, "tax": 918, "grand": 11688}', '2026-11-28 23:32:32+00');
INSERT INTO mc_quote VALUES ('f0dfcd76ac09b1bc418cbb8b196b55b127fcf8e7b3db2ab9cdd2ca12189dfb57', '-nK8l0DQbNBqJP9jYTtgOs7OUVTQxn36', '{"lines": [["CERRADO-250", 2, 4590]], "address": {"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}, "shipping_method": "pac", "currency": "BRL", "items": 9180, "discount": 0, "shipping": 1590, "tax": 918, "grand": 11688}', '2026-11-28 23:32:33+00');
INSERT INTO mc_quote VALUES ('2a9a764317a107a402cc33d529421f25bdc0416b2e7b3f366a3b885fe03e366a', 'J4-YufiWd38ukQMQj5Pfnb1tixiYQjDr', '{"lines": [["PRENSA", 2, 12900]], "address": {"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}, "shipping_method": "pac", "currency": "BRL", "items": 25800, "discount": 0, "shipping": 0, "tax": 2580, "grand": 28380}', '2026-11-28 23:32:33+00');
INSERT INTO mc_quote VALUES ('38f3f1e00ac087515acf1029ad5ff498652378258c9840a1d8e0aa92432c7426', 'oVciskaYbDAPBXrJjynanTFJ7wS_h3EU', '{"lines": [["CERRADO-250", 2, 4590]], "address": {"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}, "shipping_method": "pac", "currency": "BRL", "items": 9180, "discount": 0, "shipping": 1590, "tax": 918, "grand": 11688}', '2026-11-28 23:32:33+00');
INSERT INTO mc_quote VALUES ('1acd55ad0b8fff44618321036a7df2df6382bc35e43c5e015d59660bb5d465a9', 'PkeCCDn5D3hHawp0R0b_HUPkx_z9dNxo', '{"lines": [["CERRADO-250", 2, 4590]], "address": {"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}, "shipping_method": "pac", "currency": "BRL", "items": 9180, "discount": 0, "shipping": 1590, "tax": 918, "grand": 11688}', '2026-11-28 23:32:33+00');
INSERT INTO mc_refund VALUES ('ref_hmnjlnSds3T7q7TQaML9tCVQyVJRprWW', 'pay_u_h3r6Maut4JqEmH7M7ZrrlDl72UcWBL', 'MC-XB7N7SE4HH', 1000, 'refunded', 'r1', '2026-11-28 23:03:03.303627+00', '2026-11-28 23:02:33.319117+00', 'ref_hmnjlnSds3T7q7TQaML9tCVQyVJRprWW', 'asked');
INSERT INTO mc_refund VALUES ('ref_wO_6Fzb7Aif2M7aXfmOvH7gcaWRRRkeC', 'pay_UTkIfibQwRBoUlxcMjAs6PUnOfeigNtO', 'MC-3DB8CEXM2D', 11688, 'refunded', 'r2', '2026-11-28 23:03:03.552563+00', '2026-11-28 23:02:33.564421+00', 'ref_wO_6Fzb7Aif2M7aXfmOvH7gcaWRRRkeC', 'asked');
INSERT INTO mc_rulebook VALUES (1, '7Wvp9VmN_G4VrPk7uYfMu_8X9H_lP3Ap');
INSERT INTO mc_search_form VALUES ('afe', 'cafe');
INSERT INTO mc_search_form VALUES ('cae', 'cafe');
INSERT INTO mc_search_form VALUES ('caf', 'cafe');
INSERT INTO mc_search_form VALUES ('cafe', 'cafe');
INSERT INTO mc_search_form VALUES ('cfe', 'cafe');
INSERT INTO mc_search_form VALUES ('cerado', 'cerrado');
INSERT INTO mc_search_form VALUES ('cerrad', 'cerrado');
INSERT INTO mc_search_form VALUES ('cerrado', 'cerrado');
INSERT INTO mc_search_form VALUES ('cerrao', 'cerrado');
INSERT INTO mc_search_form VALUES ('cerrdo', 'cerrado');
INSERT INTO mc_search_form VALUES ('crrado', 'cerrado');
INSERT INTO mc_search_form VALUES ('errado', 'cerrado');
INSERT INTO mc_search_form VALUES ('gaos', 'graos');
INSERT INTO mc_search_form VALUES ('grao', 'graos');
INSERT INTO mc_search_form VALUES ('graos', 'graos');
INSERT INTO mc_search_form VALUES ('gras', 'graos');
INSERT INTO mc_search_form VALUES ('gros', 'graos');
INSERT INTO mc_search_form VALUES ('raos', 'graos');
INSERT INTO mc_search_form VALUES ('ineiro', 'mineiro');
INSERT INTO mc_search_form VALUES ('mieiro', 'mineiro');
INSERT INTO mc_search_form VALUES ('mineio', 'mineiro');
INSERT INTO mc_search_form VALUES ('mineir', 'mineiro');
INSERT INTO mc_search_form VALUES ('mineiro', 'mineiro');
INSERT INTO mc_search_form VALUES ('minero', 'mineiro');
INSERT INTO mc_search_form VALUES ('miniro', 'mineiro');
INSERT INTO mc_search_form VALUES ('mneiro', 'mineiro');
INSERT INTO mc_search_form VALUES ('atural', 'natural');
INSERT INTO mc_search_form VALUES ('natral', 'natural');
INSERT INTO mc_search_form VALUES ('natual', 'natural');
INSERT INTO mc_search_form VALUES ('natura', 'natural');
INSERT INTO mc_search_form VALUES ('natural', 'natural');
INSERT INTO mc_search_form VALUES ('naturl', 'natural');
INSERT INTO mc_search_form VALUES ('naural', 'natural');
INSERT INTO mc_search_form VALUES ('ntural', 'natural');
INSERT INTO mc_search_form VALUES ('eqipamentos', 'equipamentos');
INSERT INTO mc_search_form VALUES ('equiamentos', 'equipamentos');
INSERT INTO mc_search_form VALUES ('equipaentos', 'equipamentos');
INSERT INTO mc_search_form VALUES ('equipamenos', 'equipamentos');
INSERT INTO mc_search_form VALUES ('equipamento', 'equipamentos');
INSERT INTO mc_search_form VALUES ('equipamentos', 'equipamentos');
INSERT INTO mc_search_form VALUES ('equipaments', 'equipamentos');
INSERT INTO mc_search_form VALUES ('equipametos', 'equipamentos');
INSERT INTO mc_search_form VALUES ('equipamntos', 'equipamentos');
INSERT INTO mc_search_form VALUES ('equipmentos', 'equipamentos');
INSERT INTO mc_search_form VALUES ('equpamentos', 'equipamentos');
INSERT INTO mc_search_form VALUES ('euipamentos', 'equipamentos');
INSERT INTO mc_search_form VALUES ('quipamentos', 'equipamentos');
INSERT INTO mc_search_form VALUES ('fancesa', 'francesa');
INSERT INTO mc_search_form VALUES ('fracesa', 'francesa');
INSERT INTO mc_search_form VALUES ('francea', 'francesa');
INSERT INTO mc_search_form VALUES ('frances', 'francesa');
INSERT INTO mc_search_form VALUES ('francesa', 'francesa');
INSERT INTO mc_search_form VALUES ('francsa', 'francesa');
INSERT INTO mc_search_form VALUES ('franesa', 'francesa');
INSERT INTO mc_search_form VALUES ('frncesa', 'francesa');
INSERT INTO mc_search_form VALUES ('rancesa', 'francesa');
INSERT INTO mc_search_form VALUES ('pensa', 'prensa');
INSERT INTO mc_search_form VALUES ('prena', 'prensa');
INSERT INTO mc_search_form VALUES ('prens', 'prensa');
INSERT INTO mc_search_form VALUES ('prensa', 'prensa');
INSERT INTO mc_search_form VALUES ('presa', 'prensa');
INSERT INTO mc_search_form VALUES ('prnsa', 'prensa');
INSERT INTO mc_search_form VALUES ('rensa', 'prensa');
INSERT INTO mc_search_word VALUES ('cafe', 1);
INSERT INTO mc_search_word VALUES ('cerrado', 1);
INSERT INTO mc_search_word VALUES ('graos', 1);
INSERT INTO mc_search_word VALUES ('mineiro', 1);
INSERT INTO mc_search_word VALUES ('natural', 1);
INSERT INTO mc_search_word VALUES ('equipamentos', 1);
INSERT INTO mc_search_word VALUES ('francesa', 1);
INSERT INTO mc_search_word VALUES ('prensa', 1);
INSERT INTO mc_shipment VALUES (1, 11, '', '', '2026-11-28 23:02:33.171368+00', NULL);
INSERT INTO mc_shipment_line VALUES (1, 11, 2);
INSERT INTO mc_stock_level VALUES (2, 'CERRADO-1000', 9, 0, 0, 0, NULL, NULL, false, false);
INSERT INTO mc_stock_level VALUES (3, 'PRENSA', 18, 0, 0, 0, NULL, NULL, false, false);
INSERT INTO mc_stock_level VALUES (1, 'CERRADO-250', 50, 20, 0, 0, NULL, NULL, false, false);
INSERT INTO mc_stock_movement VALUES (1, 1, 'open', 50, 0, '', '2026-11-28 23:02:31.404818+00', 1, NULL, 0, '');
INSERT INTO mc_stock_movement VALUES (2, 2, 'open', 9, 0, '', '2026-11-28 23:02:31.404818+00', 1, NULL, 0, '');
INSERT INTO mc_stock_movement VALUES (3, 3, 'open', 20, 0, '', '2026-11-28 23:02:31.535929+00', 1, NULL, 0, '');
INSERT INTO mc_stock_movement VALUES (4, 1, 'allocate', 0, 2, 'MC-RXZEYPZMP9', '2026-11-28 23:02:31.809949+00', 1, NULL, 0, '');
INSERT INTO mc_stock_movement VALUES (5, 1, 'allocate', 0, 2, 'MC-XNPPG18KRK', '2026-11-28 23:02:32.07433+00', 1, NULL, 0, '');
INSERT INTO mc_stock_movement VALUES (6, 1, 'allocate', 0, 2, 'MC-VXZJX81SE5', '2026-11-28 23:02:32.194649+00', 1, NULL, 0, '');
INSERT INTO mc_stock_movement VALUES (7, 1, 'allocate', 0, 2, 'MC-HADQXQY8FM', '2026-11-28 23:02:32.308081+00', 1, NULL, 0, '');
INSERT INTO mc_stock_movement VALUES (8, 1, 'allocate', 0, 2, 'MC-SFTVJZ3X51', '2026-11-28 23:02:32.490444+00', 1, NULL, 0, '');
INSERT INTO mc_stock_movement VALUES (9, 1, 'allocate', 0, 2, 'MC-KVG10N0939', '2026-11-28 23:02:32.698015+00', 1, NULL, 0, '');
INSERT INTO mc_stock_movement VALUES (10, 1, 'release', 0, -2, 'MC-KVG10N0939', '2026-11-28 23:02:32.754085+00', 1, NULL, 0, '');
INSERT INTO mc_stock_movement VALUES (11, 1, 'allocate', 0, 2, 'MC-XRY3NG64YP', '2026-11-28 23:02:32.84648+00', 1, NULL, 0, '');
INSERT INTO mc_stock_movement VALUES (12, 1, 'allocate', 0, 2, 'MC-ZX3JVZXRA3', '2026-11-28 23:02:32.911079+00', 1, NULL, 0, '');
INSERT INTO mc_stock_movement VALUES (13, 1, 'allocate', 0, 2, 'MC-PEA3G6MV63', '2026-11-28 23:02:32.981737+00', 1, NULL, 0, '');
INSERT INTO mc_stock_movement VALUES (14, 1, 'allocate', 0, 2, 'MC-1Y9S0J2RVN', '2026-11-28 23:02:33.047482+00', 1, NULL, 0, '');
INSERT INTO mc_stock_movement VALUES (15, 3, 'allocate', 0, 2, 'MC-SV84TH2TV8', '2026-11-28 23:02:33.099592+00', 1, NULL, 0, '');
INSERT INTO mc_stock_movement VALUES (16, 3, 'ship', -2, -2, 'MC-SV84TH2TV8', '2026-11-28 23:02:33.171411+00', 1, NULL, 0, '');
INSERT INTO mc_stock_movement VALUES (17, 1, 'allocate', 0, 2, 'MC-XB7N7SE4HH', '2026-11-28 23:02:33.265469+00', 1, NULL, 0, '');
INSERT INTO mc_stock_movement VALUES (18, 1, 'allocate', 0, 2, 'MC-3DB8CEXM2D', '2026-11-28 23:02:33.452451+00', 1, NULL, 0, '');
INSERT INTO mc_stock_movement VALUES (19, 1, 'release', 0, -2, 'MC-3DB8CEXM2D', '2026-11-28 23:02:33.512677+00', 1, NULL, 0, '');
INSERT INTO mc_tax_rate VALUES (1, 'VAT', 'standard', '', '', '', '', 100000, 'exclusive', false, false, 0, '1970-01-01 00:00:00+00', NULL);
INSERT INTO mc_variant VALUES (1, 1, 'CERRADO-250', '250 g', 0, 0, true, 'standard', false, 0, 0, 0);
INSERT INTO mc_variant VALUES (2, 1, 'CERRADO-1000', '1 kg', 1, 0, true, 'standard', false, 0, 0, 0);
INSERT INTO mc_variant VALUES (3, 2, 'PRENSA', '600 ml', 0, 0, true, 'standard', false, 0, 0, 0);
SELECT pg_catalog.setval('mc_account_entry_id_seq', 1, false);
SELECT pg_catalog.setval('mc_account_id_seq', 1, false);
SELECT pg_catalog.setval('mc_attribute_id_seq', 1, true);
SELECT pg_catalog.setval('mc_cart_coupon_id_seq', 1, true);
SELECT pg_catalog.setval('mc_cart_line_id_seq', 14, true);
SELECT pg_catalog.setval('mc_category_id_seq', 3, true);
SELECT pg_catalog.setval('mc_customer_id_seq', 4, true);
SELECT pg_catalog.setval('mc_image_id_seq', 1, false);
SELECT pg_catalog.setval('mc_location_id_seq', 1, true);
SELECT pg_catalog.setval('mc_order_change_id_seq', 1, false);
SELECT pg_catalog.setval('mc_order_change_step_id_seq', 1, false);
SELECT pg_catalog.setval('mc_order_credit_id_seq', 1, true);
SELECT pg_catalog.setval('mc_order_id_seq', 13, true);
SELECT pg_catalog.setval('mc_order_line_id_seq', 13, true);
SELECT pg_catalog.setval('mc_order_return_id_seq', 1, false);
SELECT pg_catalog.setval('mc_order_tax_id_seq', 13, true);
SELECT pg_catalog.setval('mc_outbox_id_seq', 78, true);
SELECT pg_catalog.setval('mc_payment_event_id_seq', 15, true);
SELECT pg_catalog.setval('mc_price_list_id_seq', 1, false);
SELECT pg_catalog.setval('mc_product_id_seq', 2, true);
SELECT pg_catalog.setval('mc_promotion_id_seq', 1, true);
SELECT pg_catalog.setval('mc_promotion_use_id_seq', 1, true);
SELECT pg_catalog.setval('mc_shipment_id_seq', 1, true);
SELECT pg_catalog.setval('mc_shipping_method_id_seq', 1, false);
SELECT pg_catalog.setval('mc_shipping_zone_id_seq', 1, false);
SELECT pg_catalog.setval('mc_special_price_id_seq', 1, false);
SELECT pg_catalog.setval('mc_stock_lot_id_seq', 1, false);
SELECT pg_catalog.setval('mc_stock_movement_id_seq', 19, true);
SELECT pg_catalog.setval('mc_stock_reservation_id_seq', 1, false);
SELECT pg_catalog.setval('mc_tax_rate_id_seq', 1, true);
SELECT pg_catalog.setval('mc_variant_id_seq', 3, true);
ALTER TABLE ONLY mc_alembic_version
    ADD CONSTRAINT mc_alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY mc_account
    ADD CONSTRAINT pk_mc_account PRIMARY KEY (id);
ALTER TABLE ONLY mc_account_entry
    ADD CONSTRAINT pk_mc_account_entry PRIMARY KEY (id);
ALTER TABLE ONLY mc_attribute
    ADD CONSTRAINT pk_mc_attribute PRIMARY KEY (id);
ALTER TABLE ONLY mc_cart
    ADD CONSTRAINT pk_mc_cart PRIMARY KEY (id);
ALTER TABLE ONLY mc_cart_coupon
    ADD CONSTRAINT pk_mc_cart_coupon PRIMARY KEY (id);
ALTER TABLE ONLY mc_cart_line
    ADD CONSTRAINT pk_mc_cart_line PRIMARY KEY (id);
ALTER TABLE ONLY mc_category
    ADD CONSTRAINT pk_mc_category PRIMARY KEY (id);
ALTER TABLE ONLY mc_customer
    ADD CONSTRAINT pk_mc_customer PRIMARY KEY (id);
ALTER TABLE ONLY mc_idempotency
    ADD CONSTRAINT pk_mc_idempotency PRIMARY KEY (scope, key);
ALTER TABLE ONLY mc_image
    ADD CONSTRAINT pk_mc_image PRIMARY KEY (id);
ALTER TABLE ONLY mc_job
    ADD CONSTRAINT pk_mc_job PRIMARY KEY (id);
ALTER TABLE ONLY mc_job_part
    ADD CONSTRAINT pk_mc_job_part PRIMARY KEY (job_id, "position");
ALTER TABLE ONLY mc_location
    ADD CONSTRAINT pk_mc_location PRIMARY KEY (id);
ALTER TABLE ONLY mc_order
    ADD CONSTRAINT pk_mc_order PRIMARY KEY (id);
ALTER TABLE ONLY mc_order_change
    ADD CONSTRAINT pk_mc_order_change PRIMARY KEY (id);
ALTER TABLE ONLY mc_order_change_step
    ADD CONSTRAINT pk_mc_order_change_step PRIMARY KEY (id);
ALTER TABLE ONLY mc_order_counter
    ADD CONSTRAINT pk_mc_order_counter PRIMARY KEY (channel);
ALTER TABLE ONLY mc_order_credit
    ADD CONSTRAINT pk_mc_order_credit PRIMARY KEY (id);
ALTER TABLE ONLY mc_order_line
    ADD CONSTRAINT pk_mc_order_line PRIMARY KEY (id);
ALTER TABLE ONLY mc_order_return
    ADD CONSTRAINT pk_mc_order_return PRIMARY KEY (id);
ALTER TABLE ONLY mc_order_return_line
    ADD CONSTRAINT pk_mc_order_return_line PRIMARY KEY (return_id, line_id);
ALTER TABLE ONLY mc_order_tax
    ADD CONSTRAINT pk_mc_order_tax PRIMARY KEY (id);
ALTER TABLE ONLY mc_outbox
    ADD CONSTRAINT pk_mc_outbox PRIMARY KEY (id);
ALTER TABLE ONLY mc_payment
    ADD CONSTRAINT pk_mc_payment PRIMARY KEY (id);
ALTER TABLE ONLY mc_payment_event
    ADD CONSTRAINT pk_mc_payment_event PRIMARY KEY (id);
ALTER TABLE ONLY mc_payment_operation
    ADD CONSTRAINT pk_mc_payment_operation PRIMARY KEY (id);
ALTER TABLE ONLY mc_price
    ADD CONSTRAINT pk_mc_price PRIMARY KEY (variant_id, currency);
ALTER TABLE ONLY mc_price_list
    ADD CONSTRAINT pk_mc_price_list PRIMARY KEY (id);
ALTER TABLE ONLY mc_product
    ADD CONSTRAINT pk_mc_product PRIMARY KEY (id);
ALTER TABLE ONLY mc_product_card
    ADD CONSTRAINT pk_mc_product_card PRIMARY KEY (product_id, currency);
ALTER TABLE ONLY mc_promotion
    ADD CONSTRAINT pk_mc_promotion PRIMARY KEY (id);
ALTER TABLE ONLY mc_promotion_code
    ADD CONSTRAINT pk_mc_promotion_code PRIMARY KEY (code);
ALTER TABLE ONLY mc_promotion_customer
    ADD CONSTRAINT pk_mc_promotion_customer PRIMARY KEY (promotion_id, customer);
ALTER TABLE ONLY mc_promotion_use
    ADD CONSTRAINT pk_mc_promotion_use PRIMARY KEY (id);
ALTER TABLE ONLY mc_quote
    ADD CONSTRAINT pk_mc_quote PRIMARY KEY (hash);
ALTER TABLE ONLY mc_refund
    ADD CONSTRAINT pk_mc_refund PRIMARY KEY (id);
ALTER TABLE ONLY mc_rulebook
    ADD CONSTRAINT pk_mc_rulebook PRIMARY KEY (id);
ALTER TABLE ONLY mc_search_form
    ADD CONSTRAINT pk_mc_search_form PRIMARY KEY (form, word);
ALTER TABLE ONLY mc_search_word
    ADD CONSTRAINT pk_mc_search_word PRIMARY KEY (word);
ALTER TABLE ONLY mc_shipment
    ADD CONSTRAINT pk_mc_shipment PRIMARY KEY (id);
ALTER TABLE ONLY mc_shipment_line
    ADD CONSTRAINT pk_mc_shipment_line PRIMARY KEY (shipment_id, line_id);
ALTER TABLE ONLY mc_shipping_method
    ADD CONSTRAINT pk_mc_shipping_method PRIMARY KEY (id);
ALTER TABLE ONLY mc_shipping_zone
    ADD CONSTRAINT pk_mc_shipping_zone PRIMARY KEY (id);
ALTER TABLE ONLY mc_special_price
    ADD CONSTRAINT pk_mc_special_price PRIMARY KEY (id);
ALTER TABLE ONLY mc_stock_level
    ADD CONSTRAINT pk_mc_stock_level PRIMARY KEY (variant_id);
ALTER TABLE ONLY mc_stock_lot
    ADD CONSTRAINT pk_mc_stock_lot PRIMARY KEY (id);
ALTER TABLE ONLY mc_stock_movement
    ADD CONSTRAINT pk_mc_stock_movement PRIMARY KEY (id);
ALTER TABLE ONLY mc_stock_place
    ADD CONSTRAINT pk_mc_stock_place PRIMARY KEY (variant_id, location_id);
ALTER TABLE ONLY mc_stock_reservation
    ADD CONSTRAINT pk_mc_stock_reservation PRIMARY KEY (id);
ALTER TABLE ONLY mc_tax_rate
    ADD CONSTRAINT pk_mc_tax_rate PRIMARY KEY (id);
ALTER TABLE ONLY mc_variant
    ADD CONSTRAINT pk_mc_variant PRIMARY KEY (id);
ALTER TABLE ONLY mc_account
    ADD CONSTRAINT uq_mc_account_code_hash UNIQUE (code_hash);
ALTER TABLE ONLY mc_attribute
    ADD CONSTRAINT uq_mc_attribute_product_id_name_folded UNIQUE (product_id, name_folded);
ALTER TABLE ONLY mc_cart_line
    ADD CONSTRAINT uq_mc_cart_line_cart_id_variant_id_attributes_key UNIQUE (cart_id, variant_id, attributes_key);
ALTER TABLE ONLY mc_category
    ADD CONSTRAINT uq_mc_category_slug UNIQUE (slug);
ALTER TABLE ONLY mc_customer
    ADD CONSTRAINT uq_mc_customer_email UNIQUE (email);
ALTER TABLE ONLY mc_location
    ADD CONSTRAINT uq_mc_location_code UNIQUE (code);
ALTER TABLE ONLY mc_order
    ADD CONSTRAINT uq_mc_order_number UNIQUE (number);
ALTER TABLE ONLY mc_payment_event
    ADD CONSTRAINT uq_mc_payment_event_provider_event_id UNIQUE (provider, event_id);
ALTER TABLE ONLY mc_price_list
    ADD CONSTRAINT uq_mc_price_list_code UNIQUE (code);
ALTER TABLE ONLY mc_product
    ADD CONSTRAINT uq_mc_product_key UNIQUE (key);
ALTER TABLE ONLY mc_product
    ADD CONSTRAINT uq_mc_product_slug UNIQUE (slug);
ALTER TABLE ONLY mc_promotion
    ADD CONSTRAINT uq_mc_promotion_key UNIQUE (key);
ALTER TABLE ONLY mc_promotion_use
    ADD CONSTRAINT uq_mc_promotion_use_order_number_promotion_id UNIQUE (order_number, promotion_id);
ALTER TABLE ONLY mc_shipping_method
    ADD CONSTRAINT uq_mc_shipping_method_zone_id_code_currency UNIQUE (zone_id, code, currency);
ALTER TABLE ONLY mc_shipping_zone
    ADD CONSTRAINT uq_mc_shipping_zone_code UNIQUE (code);
ALTER TABLE ONLY mc_stock_level
    ADD CONSTRAINT uq_mc_stock_level_sku UNIQUE (sku);
ALTER TABLE ONLY mc_stock_lot
    ADD CONSTRAINT uq_mc_stock_lot_variant_id_location_id_code UNIQUE (variant_id, location_id, code);
ALTER TABLE ONLY mc_tax_rate
    ADD CONSTRAINT uq_mc_tax_rate_key UNIQUE (tax_class, name, country, region, origin, customer_type, starts_at);
ALTER TABLE ONLY mc_variant
    ADD CONSTRAINT uq_mc_variant_sku UNIQUE (sku);
CREATE INDEX ix_mc_account_entry_account_id ON mc_account_entry USING btree (account_id, id);
CREATE INDEX ix_mc_attribute_name_value ON mc_attribute USING btree (name_folded, value_folded, product_id);
CREATE INDEX ix_mc_cart_owner ON mc_cart USING btree (owner, channel, updated_at);
CREATE INDEX ix_mc_cart_updated_at ON mc_cart USING btree (updated_at, status);
CREATE INDEX ix_mc_category_parent_id ON mc_category USING btree (parent_id);
CREATE INDEX ix_mc_idempotency_created_at ON mc_idempotency USING btree (created_at);
CREATE INDEX ix_mc_image_product_id ON mc_image USING btree (product_id);
CREATE INDEX ix_mc_job_finished_at ON mc_job USING btree (finished_at);
CREATE INDEX ix_mc_job_status_leased_until ON mc_job USING btree (status, leased_until);
CREATE INDEX ix_mc_order_cart_id ON mc_order USING btree (cart_id);
CREATE INDEX ix_mc_order_change_order_id ON mc_order_change USING btree (order_id);
CREATE INDEX ix_mc_order_change_step_change_id ON mc_order_change_step USING btree (change_id);
CREATE INDEX ix_mc_order_credit_order_id ON mc_order_credit USING btree (order_id);
CREATE INDEX ix_mc_order_customer_id ON mc_order USING btree (customer_id, id);
CREATE INDEX ix_mc_order_figures ON mc_order USING btree (created_at, currency, status, payment_status, grand_amount, customer_id, number, id);
CREATE INDEX ix_mc_order_line_figures ON mc_order_line USING btree (order_id, variant_id, quantity, total);
CREATE INDEX ix_mc_order_return_line_line_id ON mc_order_return_line USING btree (line_id);
CREATE INDEX ix_mc_order_return_order_id ON mc_order_return USING btree (order_id);
CREATE INDEX ix_mc_order_tax_order_id ON mc_order_tax USING btree (order_id, line_id);
CREATE INDEX ix_mc_order_unconfirmed ON mc_order USING btree (updated_at) WHERE ((confirmed_at IS NULL) AND ((status)::text = 'placed'::text));
CREATE INDEX ix_mc_outbox_delivered_at_id ON mc_outbox USING btree (delivered_at, id);
CREATE INDEX ix_mc_payment_created_at ON mc_payment USING btree (created_at, status);
CREATE INDEX ix_mc_payment_event_parked ON mc_payment_event USING btree (id) WHERE ((state)::text = 'parked'::text);
CREATE INDEX ix_mc_payment_event_payment_id ON mc_payment_event USING btree (payment_id);
CREATE INDEX ix_mc_payment_operation_order_number ON mc_payment_operation USING btree (order_number);
CREATE INDEX ix_mc_payment_operation_payment_id ON mc_payment_operation USING btree (payment_id);
CREATE INDEX ix_mc_payment_operation_status_leased_until ON mc_payment_operation USING btree (status, leased_until);
CREATE INDEX ix_mc_payment_order_number ON mc_payment USING btree (order_number);
CREATE INDEX ix_mc_payment_status_leased_until ON mc_payment USING btree (status, leased_until);
CREATE INDEX ix_mc_product_active_id ON mc_product USING btree (active, id);
CREATE INDEX ix_mc_product_card_price ON mc_product_card USING btree (currency, price, product_id);
CREATE INDEX ix_mc_product_category_id ON mc_product USING btree (category_id);
CREATE INDEX ix_mc_product_featured ON mc_product USING btree (featured, id);
CREATE INDEX ix_mc_product_search_title_vector ON mc_product USING gin (search_title_vector);
CREATE INDEX ix_mc_product_search_vector ON mc_product USING gin (search_vector);
CREATE INDEX ix_mc_product_sort_name ON mc_product USING btree (sort_name, id);
CREATE INDEX ix_mc_promotion_code_promotion_id ON mc_promotion_code USING btree (promotion_id, code);
CREATE INDEX ix_mc_promotion_customer_customer ON mc_promotion_customer USING btree (customer);
CREATE INDEX ix_mc_promotion_use_code ON mc_promotion_use USING btree (code, state);
CREATE INDEX ix_mc_promotion_use_promotion_id ON mc_promotion_use USING btree (promotion_id, state);
CREATE INDEX ix_mc_quote_cart_id ON mc_quote USING btree (cart_id);
CREATE INDEX ix_mc_quote_expires_at ON mc_quote USING btree (expires_at);
CREATE INDEX ix_mc_refund_batch ON mc_refund USING btree (batch);
CREATE INDEX ix_mc_refund_payment_id ON mc_refund USING btree (payment_id);
CREATE INDEX ix_mc_refund_status_leased_until ON mc_refund USING btree (status, leased_until);
CREATE INDEX ix_mc_shipment_line_line_id ON mc_shipment_line USING btree (line_id);
CREATE INDEX ix_mc_shipment_order_id ON mc_shipment USING btree (order_id);
CREATE INDEX ix_mc_special_price_list_id ON mc_special_price USING btree (list_id);
CREATE INDEX ix_mc_special_price_variant_id ON mc_special_price USING btree (variant_id, currency);
CREATE INDEX ix_mc_stock_lot_best_before ON mc_stock_lot USING btree (best_before) WHERE (on_hand > 0);
CREATE INDEX ix_mc_stock_movement_lot_id ON mc_stock_movement USING btree (lot_id) WHERE (lot_id IS NOT NULL);
CREATE INDEX ix_mc_stock_movement_reference ON mc_stock_movement USING btree (reference) WHERE ((reference)::text <> ''::text);
CREATE INDEX ix_mc_stock_movement_variant_id ON mc_stock_movement USING btree (variant_id, id);
CREATE INDEX ix_mc_stock_reservation_due ON mc_stock_reservation USING btree (expires_at) WHERE ((state)::text = 'active'::text);
CREATE INDEX ix_mc_stock_reservation_owner ON mc_stock_reservation USING btree (owner, id);
CREATE INDEX ix_mc_stock_reservation_variant ON mc_stock_reservation USING btree (variant_id) WHERE ((state)::text = 'active'::text);
CREATE INDEX ix_mc_variant_product_id ON mc_variant USING btree (product_id);
CREATE UNIQUE INDEX uq_mc_account_customer_id_kind_currency ON mc_account USING btree (customer_id, kind, currency);
CREATE UNIQUE INDEX uq_mc_account_entry_account_id_idempotency_key ON mc_account_entry USING btree (account_id, idempotency_key);
CREATE UNIQUE INDEX uq_mc_cart_coupon_cart_id_code ON mc_cart_coupon USING btree (cart_id, code);
CREATE UNIQUE INDEX uq_mc_order_change_open ON mc_order_change USING btree (order_id) WHERE ((status)::text = 'open'::text);
CREATE UNIQUE INDEX uq_mc_refund_order_number_idempotency_key ON mc_refund USING btree (order_number, idempotency_key);
CREATE UNIQUE INDEX uq_mc_stock_reservation_active ON mc_stock_reservation USING btree (owner, variant_id, location_id) WHERE ((state)::text = 'active'::text);
ALTER TABLE ONLY mc_account_entry
    ADD CONSTRAINT fk_mc_account_entry_account_id FOREIGN KEY (account_id) REFERENCES mc_account(id);
ALTER TABLE ONLY mc_attribute
    ADD CONSTRAINT fk_mc_attribute_product_id FOREIGN KEY (product_id) REFERENCES mc_product(id);
ALTER TABLE ONLY mc_cart_line
    ADD CONSTRAINT fk_mc_cart_line_cart_id FOREIGN KEY (cart_id) REFERENCES mc_cart(id);
ALTER TABLE ONLY mc_cart_line
    ADD CONSTRAINT fk_mc_cart_line_variant_id FOREIGN KEY (variant_id) REFERENCES mc_variant(id);
ALTER TABLE ONLY mc_category
    ADD CONSTRAINT fk_mc_category_parent_id FOREIGN KEY (parent_id) REFERENCES mc_category(id);
ALTER TABLE ONLY mc_image
    ADD CONSTRAINT fk_mc_image_product_id FOREIGN KEY (product_id) REFERENCES mc_product(id);
ALTER TABLE ONLY mc_job_part
    ADD CONSTRAINT fk_mc_job_part_job_id FOREIGN KEY (job_id) REFERENCES mc_job(id) ON DELETE CASCADE;
ALTER TABLE ONLY mc_order
    ADD CONSTRAINT fk_mc_order_cart_id FOREIGN KEY (cart_id) REFERENCES mc_cart(id);
ALTER TABLE ONLY mc_order_change
    ADD CONSTRAINT fk_mc_order_change_order_id FOREIGN KEY (order_id) REFERENCES mc_order(id);
ALTER TABLE ONLY mc_order_change_step
    ADD CONSTRAINT fk_mc_order_change_step_change_id FOREIGN KEY (change_id) REFERENCES mc_order_change(id);
ALTER TABLE ONLY mc_order_credit
    ADD CONSTRAINT fk_mc_order_credit_order_id FOREIGN KEY (order_id) REFERENCES mc_order(id);
ALTER TABLE ONLY mc_order_line
    ADD CONSTRAINT fk_mc_order_line_order_id FOREIGN KEY (order_id) REFERENCES mc_order(id);
ALTER TABLE ONLY mc_order_line
    ADD CONSTRAINT fk_mc_order_line_variant_id FOREIGN KEY (variant_id) REFERENCES mc_variant(id);
ALTER TABLE ONLY mc_order_return_line
    ADD CONSTRAINT fk_mc_order_return_line_line_id FOREIGN KEY (line_id) REFERENCES mc_order_line(id);
ALTER TABLE ONLY mc_order_return_line
    ADD CONSTRAINT fk_mc_order_return_line_return_id FOREIGN KEY (return_id) REFERENCES mc_order_return(id);
ALTER TABLE ONLY mc_order_return
    ADD CONSTRAINT fk_mc_order_return_order_id FOREIGN KEY (order_id) REFERENCES mc_order(id);
ALTER TABLE ONLY mc_price
    ADD CONSTRAINT fk_mc_price_variant_id FOREIGN KEY (variant_id) REFERENCES mc_variant(id);
ALTER TABLE ONLY mc_product_card
    ADD CONSTRAINT fk_mc_product_card_product_id FOREIGN KEY (product_id) REFERENCES mc_product(id);
ALTER TABLE ONLY mc_product
    ADD CONSTRAINT fk_mc_product_category_id FOREIGN KEY (category_id) REFERENCES mc_category(id);
ALTER TABLE ONLY mc_promotion_code
    ADD CONSTRAINT fk_mc_promotion_code_promotion_id FOREIGN KEY (promotion_id) REFERENCES mc_promotion(id);
ALTER TABLE ONLY mc_promotion_customer
    ADD CONSTRAINT fk_mc_promotion_customer_promotion_id FOREIGN KEY (promotion_id) REFERENCES mc_promotion(id);
ALTER TABLE ONLY mc_promotion_use
    ADD CONSTRAINT fk_mc_promotion_use_promotion_id FOREIGN KEY (promotion_id) REFERENCES mc_promotion(id);
ALTER TABLE ONLY mc_quote
    ADD CONSTRAINT fk_mc_quote_cart_id FOREIGN KEY (cart_id) REFERENCES mc_cart(id);
ALTER TABLE ONLY mc_shipment_line
    ADD CONSTRAINT fk_mc_shipment_line_line_id FOREIGN KEY (line_id) REFERENCES mc_order_line(id);
ALTER TABLE ONLY mc_shipment_line
    ADD CONSTRAINT fk_mc_shipment_line_shipment_id FOREIGN KEY (shipment_id) REFERENCES mc_shipment(id);
ALTER TABLE ONLY mc_shipment
    ADD CONSTRAINT fk_mc_shipment_order_id FOREIGN KEY (order_id) REFERENCES mc_order(id);
ALTER TABLE ONLY mc_shipping_method
    ADD CONSTRAINT fk_mc_shipping_method_zone_id FOREIGN KEY (zone_id) REFERENCES mc_shipping_zone(id) ON DELETE CASCADE;
ALTER TABLE ONLY mc_special_price
    ADD CONSTRAINT fk_mc_special_price_list_id FOREIGN KEY (list_id) REFERENCES mc_price_list(id);
ALTER TABLE ONLY mc_special_price
    ADD CONSTRAINT fk_mc_special_price_variant_id FOREIGN KEY (variant_id) REFERENCES mc_variant(id);
ALTER TABLE ONLY mc_stock_level
    ADD CONSTRAINT fk_mc_stock_level_variant_id FOREIGN KEY (variant_id) REFERENCES mc_variant(id);
ALTER TABLE ONLY mc_stock_lot
    ADD CONSTRAINT fk_mc_stock_lot_location_id FOREIGN KEY (location_id) REFERENCES mc_location(id);
ALTER TABLE ONLY mc_stock_lot
    ADD CONSTRAINT fk_mc_stock_lot_variant_id FOREIGN KEY (variant_id) REFERENCES mc_stock_level(variant_id);
ALTER TABLE ONLY mc_stock_movement
    ADD CONSTRAINT fk_mc_stock_movement_location_id FOREIGN KEY (location_id) REFERENCES mc_location(id);
ALTER TABLE ONLY mc_stock_movement
    ADD CONSTRAINT fk_mc_stock_movement_lot_id FOREIGN KEY (lot_id) REFERENCES mc_stock_lot(id);
ALTER TABLE ONLY mc_stock_movement
    ADD CONSTRAINT fk_mc_stock_movement_variant_id FOREIGN KEY (variant_id) REFERENCES mc_stock_level(variant_id);
ALTER TABLE ONLY mc_stock_place
    ADD CONSTRAINT fk_mc_stock_place_location_id FOREIGN KEY (location_id) REFERENCES mc_location(id);
ALTER TABLE ONLY mc_stock_place
    ADD CONSTRAINT fk_mc_stock_place_variant_id FOREIGN KEY (variant_id) REFERENCES mc_stock_level(variant_id);
ALTER TABLE ONLY mc_stock_reservation
    ADD CONSTRAINT fk_mc_stock_reservation_location_id FOREIGN KEY (location_id) REFERENCES mc_location(id);
ALTER TABLE ONLY mc_stock_reservation
    ADD CONSTRAINT fk_mc_stock_reservation_variant_id FOREIGN KEY (variant_id) REFERENCES mc_stock_level(variant_id);
ALTER TABLE ONLY mc_variant
    ADD CONSTRAINT fk_mc_variant_product_id FOREIGN KEY (product_id) REFERENCES mc_product(id);

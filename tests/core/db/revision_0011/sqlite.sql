-- A shop as revision 0011 left it: made once by the code of that revision, never written again.
CREATE TABLE mc_alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT mc_alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE mc_cart (
	id VARCHAR(64) NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	status VARCHAR(12) NOT NULL, 
	version INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, owner VARCHAR(120), channel VARCHAR(40) DEFAULT 'default' NOT NULL, customer_group VARCHAR(40), merged_into VARCHAR(64) CONSTRAINT ck_mc_cart_merged CHECK ((status = 'merged') = (merged_into IS NOT NULL)), 
	CONSTRAINT pk_mc_cart PRIMARY KEY (id)
);
CREATE TABLE mc_category (
	id INTEGER NOT NULL, 
	parent_id INTEGER, 
	slug VARCHAR(120) NOT NULL, 
	name VARCHAR(120) NOT NULL, 
	position INTEGER NOT NULL, 
	CONSTRAINT pk_mc_category PRIMARY KEY (id), 
	CONSTRAINT fk_mc_category_parent_id FOREIGN KEY(parent_id) REFERENCES mc_category (id), 
	CONSTRAINT uq_mc_category_slug UNIQUE (slug)
);
CREATE TABLE mc_idempotency (
	scope VARCHAR(40) NOT NULL, 
	"key" VARCHAR(255) NOT NULL, 
	request_hash VARCHAR(64) NOT NULL, 
	order_number VARCHAR(32) NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_mc_idempotency PRIMARY KEY (scope, "key")
);
CREATE TABLE mc_outbox (
	id INTEGER NOT NULL, 
	aggregate VARCHAR(40) NOT NULL, 
	aggregate_id VARCHAR(64) NOT NULL, 
	type VARCHAR(60) NOT NULL, 
	payload JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	attempts INTEGER DEFAULT '0' NOT NULL, 
	claimed_until DATETIME, 
	delivered_at DATETIME, 
	last_error TEXT, 
	CONSTRAINT pk_mc_outbox PRIMARY KEY (id)
);
CREATE TABLE mc_payment (
	id VARCHAR(64) NOT NULL, 
	order_number VARCHAR(32) NOT NULL, 
	provider VARCHAR(40) NOT NULL, 
	method VARCHAR(20) NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	amount BIGINT NOT NULL, 
	acknowledged BOOLEAN NOT NULL, 
	reference VARCHAR(120) NOT NULL, 
	action JSON NOT NULL, 
	leased_until DATETIME NOT NULL, 
	expires_at DATETIME NOT NULL, 
	created_at DATETIME NOT NULL, position INTEGER DEFAULT '0' NOT NULL, account_id INTEGER, status VARCHAR(20) DEFAULT '' NOT NULL, authorized_amount BIGINT DEFAULT 0 NOT NULL CONSTRAINT ck_mc_payment_authorized CHECK (authorized_amount >= 0 AND authorized_amount <= amount), captured_amount BIGINT DEFAULT 0 NOT NULL CONSTRAINT ck_mc_payment_captured CHECK (captured_amount >= 0 AND captured_amount <= amount), voided_amount BIGINT DEFAULT 0 NOT NULL CONSTRAINT ck_mc_payment_voided CHECK (voided_amount >= 0 AND voided_amount + captured_amount <= amount), refunded_amount BIGINT DEFAULT 0 NOT NULL CONSTRAINT ck_mc_payment_refunded CHECK (refunded_amount >= 0 AND refunded_amount <= captured_amount), refunding_amount BIGINT DEFAULT 0 NOT NULL CONSTRAINT ck_mc_payment_refunding CHECK (refunding_amount >= 0), 
	CONSTRAINT pk_mc_payment PRIMARY KEY (id), 
	CONSTRAINT ck_mc_payment_amount CHECK (amount >= 0)
);
CREATE TABLE mc_payment_event (
	id INTEGER NOT NULL, 
	provider VARCHAR(40) NOT NULL, 
	event_id VARCHAR(120) NOT NULL, 
	payment_id VARCHAR(64) NOT NULL, 
	amount BIGINT NOT NULL, 
	action JSON NOT NULL, 
	reference VARCHAR(120) NOT NULL, 
	state VARCHAR(12) NOT NULL, 
	created_at DATETIME NOT NULL, operation VARCHAR(120) DEFAULT '' NOT NULL, kind VARCHAR(20) DEFAULT '' NOT NULL, 
	CONSTRAINT pk_mc_payment_event PRIMARY KEY (id), 
	CONSTRAINT uq_mc_payment_event_provider_event_id UNIQUE (provider, event_id)
);
CREATE TABLE mc_order (
	id INTEGER NOT NULL, 
	number VARCHAR(32) NOT NULL, 
	cart_id VARCHAR(64) NOT NULL, 
	quote_hash VARCHAR(64) NOT NULL, 
	status VARCHAR(12) NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	items_amount BIGINT NOT NULL, 
	discount_amount BIGINT NOT NULL, 
	shipping_amount BIGINT NOT NULL, 
	tax_amount BIGINT NOT NULL, 
	grand_amount BIGINT NOT NULL, 
	customer JSON NOT NULL, 
	address JSON NOT NULL, 
	shipping_method VARCHAR(40) NOT NULL, 
	access_token VARCHAR(64) NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, customer_id INTEGER, coupons JSON DEFAULT '[]' NOT NULL, confirmed_at DATETIME, confirming_until DATETIME, payment_status VARCHAR(20) DEFAULT '' NOT NULL, fulfillment_status VARCHAR(20) DEFAULT '' NOT NULL, channel VARCHAR(40) NOT NULL DEFAULT 'default', customer_group VARCHAR(40), owner VARCHAR(120), tax_included_amount BIGINT NOT NULL DEFAULT 0 CONSTRAINT ck_mc_order_tax_included CHECK (tax_included_amount >= 0), shipping_tax_amount BIGINT NOT NULL DEFAULT 0 CONSTRAINT ck_mc_order_shipping_tax CHECK (shipping_tax_amount >= 0), credited_amount BIGINT NOT NULL DEFAULT 0 CONSTRAINT ck_mc_order_credited CHECK (credited_amount BETWEEN 0 AND grand_amount), shipping_credited_amount BIGINT NOT NULL DEFAULT 0 CONSTRAINT ck_mc_order_shipping_credited CHECK (shipping_credited_amount >= 0 AND shipping_credited_amount <= shipping_amount + shipping_tax_amount), 
	CONSTRAINT pk_mc_order PRIMARY KEY (id), 
	CONSTRAINT ck_mc_order_grand CHECK (grand_amount = items_amount - discount_amount + shipping_amount + tax_amount), 
	CONSTRAINT fk_mc_order_cart_id FOREIGN KEY(cart_id) REFERENCES mc_cart (id), 
	CONSTRAINT uq_mc_order_number UNIQUE (number)
);
CREATE TABLE mc_product (
	id INTEGER NOT NULL, 
	"key" VARCHAR(200) NOT NULL, 
	slug VARCHAR(200) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	sort_name VARCHAR NOT NULL, 
	description TEXT NOT NULL, 
	category_id INTEGER, 
	active BOOLEAN NOT NULL, 
	featured BOOLEAN NOT NULL, 
	rating_hundredths INTEGER, 
	search_title TEXT NOT NULL, 
	search_body TEXT NOT NULL, 
	content_hash VARCHAR(64) NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	CONSTRAINT pk_mc_product PRIMARY KEY (id), 
	CONSTRAINT fk_mc_product_category_id FOREIGN KEY(category_id) REFERENCES mc_category (id), 
	CONSTRAINT uq_mc_product_key UNIQUE ("key"), 
	CONSTRAINT uq_mc_product_slug UNIQUE (slug)
);
CREATE TABLE mc_quote (
	hash VARCHAR(64) NOT NULL, 
	cart_id VARCHAR(64) NOT NULL, 
	content JSON NOT NULL, 
	expires_at DATETIME NOT NULL, 
	CONSTRAINT pk_mc_quote PRIMARY KEY (hash), 
	CONSTRAINT fk_mc_quote_cart_id FOREIGN KEY(cart_id) REFERENCES mc_cart (id)
);
CREATE TABLE mc_attribute (
	id INTEGER NOT NULL, 
	product_id INTEGER NOT NULL, 
	name VARCHAR(60) NOT NULL, 
	value VARCHAR(400) NOT NULL, 
	name_folded VARCHAR NOT NULL, 
	value_folded VARCHAR NOT NULL, 
	position INTEGER NOT NULL, 
	CONSTRAINT pk_mc_attribute PRIMARY KEY (id), 
	CONSTRAINT fk_mc_attribute_product_id FOREIGN KEY(product_id) REFERENCES mc_product (id), 
	CONSTRAINT uq_mc_attribute_product_id_name_folded UNIQUE (product_id, name_folded)
);
CREATE TABLE mc_image (
	id INTEGER NOT NULL, 
	product_id INTEGER NOT NULL, 
	url VARCHAR(500) NOT NULL, 
	alt VARCHAR(200) NOT NULL, 
	position INTEGER NOT NULL, 
	CONSTRAINT pk_mc_image PRIMARY KEY (id), 
	CONSTRAINT fk_mc_image_product_id FOREIGN KEY(product_id) REFERENCES mc_product (id)
);
CREATE TABLE mc_product_card (
	product_id INTEGER NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	price BIGINT NOT NULL, 
	sku VARCHAR(64) NOT NULL, 
	image VARCHAR(500), 
	in_stock BOOLEAN NOT NULL, 
	CONSTRAINT pk_mc_product_card PRIMARY KEY (product_id, currency), 
	CONSTRAINT fk_mc_product_card_product_id FOREIGN KEY(product_id) REFERENCES mc_product (id)
);
CREATE TABLE mc_variant (
	id INTEGER NOT NULL, 
	product_id INTEGER NOT NULL, 
	sku VARCHAR(64) NOT NULL, 
	name VARCHAR(120) NOT NULL, 
	position INTEGER NOT NULL, 
	weight_grams INTEGER NOT NULL, 
	active BOOLEAN NOT NULL, tax_class VARCHAR(40) DEFAULT 'standard' NOT NULL, digital BOOLEAN DEFAULT 0 NOT NULL, length_mm INTEGER DEFAULT '0' NOT NULL, width_mm INTEGER DEFAULT '0' NOT NULL, height_mm INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_mc_variant PRIMARY KEY (id), 
	CONSTRAINT fk_mc_variant_product_id FOREIGN KEY(product_id) REFERENCES mc_product (id), 
	CONSTRAINT uq_mc_variant_sku UNIQUE (sku)
);
CREATE TABLE mc_order_line (
	id INTEGER NOT NULL, 
	order_id INTEGER NOT NULL, 
	variant_id INTEGER NOT NULL, 
	sku VARCHAR(64) NOT NULL, 
	name VARCHAR(330) NOT NULL, 
	quantity INTEGER NOT NULL, 
	unit_price BIGINT NOT NULL, 
	total BIGINT NOT NULL, discount_amount BIGINT NOT NULL DEFAULT 0 CONSTRAINT ck_mc_order_line_discount CHECK (discount_amount BETWEEN 0 AND total), tax_amount BIGINT NOT NULL DEFAULT 0 CONSTRAINT ck_mc_order_line_tax CHECK (tax_amount >= 0), tax_included_amount BIGINT NOT NULL DEFAULT 0 CONSTRAINT ck_mc_order_line_tax_included CHECK (tax_included_amount >= 0), cancelled_quantity INTEGER NOT NULL DEFAULT 0 CONSTRAINT ck_mc_order_line_cancelled CHECK (cancelled_quantity >= 0), shipped_quantity INTEGER NOT NULL DEFAULT 0 CONSTRAINT ck_mc_order_line_shipped CHECK (shipped_quantity >= 0 AND shipped_quantity + cancelled_quantity <= quantity), returned_quantity INTEGER NOT NULL DEFAULT 0 CONSTRAINT ck_mc_order_line_returned CHECK (returned_quantity BETWEEN 0 AND shipped_quantity), credited_quantity INTEGER NOT NULL DEFAULT 0 CONSTRAINT ck_mc_order_line_credited CHECK (credited_quantity BETWEEN cancelled_quantity AND cancelled_quantity + returned_quantity), attributes JSON DEFAULT '{}' NOT NULL, 
	CONSTRAINT pk_mc_order_line PRIMARY KEY (id), 
	CONSTRAINT ck_mc_order_line_quantity CHECK (quantity > 0), 
	CONSTRAINT ck_mc_order_line_total CHECK (total = unit_price * quantity), 
	CONSTRAINT fk_mc_order_line_order_id FOREIGN KEY(order_id) REFERENCES mc_order (id), 
	CONSTRAINT fk_mc_order_line_variant_id FOREIGN KEY(variant_id) REFERENCES mc_variant (id)
);
CREATE TABLE mc_price (
	variant_id INTEGER NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	amount BIGINT NOT NULL, floor BIGINT DEFAULT 0 NOT NULL CONSTRAINT ck_mc_price_floor CHECK (floor >= 0), 
	CONSTRAINT pk_mc_price PRIMARY KEY (variant_id, currency), 
	CONSTRAINT ck_mc_price_amount CHECK (amount >= 0), 
	CONSTRAINT fk_mc_price_variant_id FOREIGN KEY(variant_id) REFERENCES mc_variant (id)
);
CREATE TABLE mc_customer (
	id INTEGER NOT NULL, 
	email VARCHAR(254) NOT NULL, 
	name VARCHAR(120) NOT NULL, 
	document VARCHAR(20) NOT NULL, 
	token_hash VARCHAR(64), 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_mc_customer PRIMARY KEY (id), 
	CONSTRAINT uq_mc_customer_email UNIQUE (email)
);
CREATE TABLE mc_cart_coupon (
	id INTEGER NOT NULL, 
	cart_id VARCHAR(64) NOT NULL, 
	code VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_mc_cart_coupon PRIMARY KEY (id)
);
CREATE TABLE mc_refund (
	id VARCHAR(64) NOT NULL, 
	payment_id VARCHAR(64) NOT NULL, 
	order_number VARCHAR(32) NOT NULL, 
	amount BIGINT NOT NULL, 
	status VARCHAR(12) NOT NULL, 
	idempotency_key VARCHAR(255), 
	leased_until DATETIME NOT NULL, 
	created_at DATETIME NOT NULL, batch VARCHAR(64) DEFAULT '' NOT NULL, reason VARCHAR(20) DEFAULT '' NOT NULL, 
	CONSTRAINT pk_mc_refund PRIMARY KEY (id), 
	CONSTRAINT ck_mc_refund_amount CHECK (amount > 0)
);
CREATE TABLE mc_search_word (
	word VARCHAR NOT NULL, 
	products INTEGER NOT NULL, 
	CONSTRAINT pk_mc_search_word PRIMARY KEY (word)
);
CREATE TABLE mc_search_form (
	form VARCHAR NOT NULL, 
	word VARCHAR(40) NOT NULL, 
	CONSTRAINT pk_mc_search_form PRIMARY KEY (form, word)
);
CREATE VIRTUAL TABLE mc_search_document USING fts5(
        search_title, search_body, content='mc_product', content_rowid='id', tokenize='ascii', prefix='3'
    );
CREATE TABLE mc_job (
	id VARCHAR(64) NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	arguments JSON NOT NULL, 
	status VARCHAR(12) NOT NULL, 
	done INTEGER NOT NULL, 
	total INTEGER, 
	errors JSON NOT NULL, 
	error_count INTEGER NOT NULL, 
	result_size BIGINT, 
	input BLOB, 
	attempts INTEGER NOT NULL, 
	leased_until DATETIME, 
	created_at DATETIME NOT NULL, 
	started_at DATETIME, 
	finished_at DATETIME, 
	CONSTRAINT pk_mc_job PRIMARY KEY (id)
);
CREATE TABLE mc_job_part (
	job_id VARCHAR(64) NOT NULL, 
	position INTEGER NOT NULL, 
	data BLOB NOT NULL, 
	CONSTRAINT pk_mc_job_part PRIMARY KEY (job_id, position), 
	CONSTRAINT fk_mc_job_part_job_id FOREIGN KEY(job_id) REFERENCES mc_job (id) ON DELETE CASCADE
);
CREATE TABLE mc_rulebook (
	id INTEGER NOT NULL, 
	stamp VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_mc_rulebook PRIMARY KEY (id)
);
CREATE TABLE mc_tax_rate (
	id INTEGER NOT NULL, 
	name VARCHAR(40) NOT NULL, 
	tax_class VARCHAR(40) NOT NULL, 
	country VARCHAR(2) NOT NULL, 
	region VARCHAR(60) NOT NULL, 
	origin VARCHAR(60) NOT NULL, 
	customer_type VARCHAR(20) NOT NULL, 
	ppm INTEGER NOT NULL, 
	mode VARCHAR(9) NOT NULL, 
	informational BOOLEAN NOT NULL, 
	compound BOOLEAN NOT NULL, 
	position INTEGER NOT NULL, 
	starts_at DATETIME NOT NULL, 
	ends_at DATETIME, 
	CONSTRAINT pk_mc_tax_rate PRIMARY KEY (id), 
	CONSTRAINT ck_mc_tax_rate_ppm CHECK (ppm >= 0), 
	CONSTRAINT ck_mc_tax_rate_mode CHECK (mode IN ('exclusive', 'inclusive', 'gross')), 
	CONSTRAINT ck_mc_tax_rate_span CHECK (ends_at IS NULL OR ends_at > starts_at), 
	CONSTRAINT uq_mc_tax_rate_key UNIQUE (tax_class, name, country, region, origin, customer_type, starts_at)
);
CREATE TABLE mc_order_tax (
	id INTEGER NOT NULL, 
	order_id INTEGER NOT NULL, 
	line_id INTEGER, 
	name VARCHAR(40) NOT NULL, 
	ppm INTEGER NOT NULL, 
	mode VARCHAR(9) NOT NULL, 
	informational BOOLEAN NOT NULL, 
	amount BIGINT NOT NULL, 
	CONSTRAINT pk_mc_order_tax PRIMARY KEY (id), 
	CONSTRAINT ck_mc_order_tax_amount CHECK (amount >= 0)
);
CREATE TABLE mc_shipping_zone (
	id INTEGER NOT NULL, 
	code VARCHAR(40) NOT NULL, 
	name VARCHAR(120) NOT NULL, 
	countries JSON NOT NULL, 
	regions JSON NOT NULL, 
	postal_codes JSON NOT NULL, 
	CONSTRAINT pk_mc_shipping_zone PRIMARY KEY (id), 
	CONSTRAINT uq_mc_shipping_zone_code UNIQUE (code)
);
CREATE TABLE mc_shipping_method (
	id INTEGER NOT NULL, 
	zone_id INTEGER NOT NULL, 
	code VARCHAR(40) NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	name VARCHAR(120) NOT NULL, 
	days INTEGER NOT NULL, 
	base BIGINT NOT NULL, 
	by_weight JSON NOT NULL, 
	per_kg BIGINT, 
	by_price JSON NOT NULL, 
	ppm INTEGER NOT NULL, 
	per_item BIGINT NOT NULL, 
	minimum BIGINT NOT NULL, 
	maximum BIGINT, 
	free_over BIGINT, 
	max_weight_grams INTEGER, 
	max_side_mm INTEGER, 
	max_sides_mm INTEGER, 
	min_weight_grams INTEGER NOT NULL, 
	max_items_total BIGINT, 
	active BOOLEAN NOT NULL, 
	CONSTRAINT pk_mc_shipping_method PRIMARY KEY (id), 
	CONSTRAINT ck_mc_shipping_method_amounts CHECK (base >= 0 AND ppm >= 0 AND per_item >= 0 AND minimum >= 0), 
	CONSTRAINT fk_mc_shipping_method_zone_id FOREIGN KEY(zone_id) REFERENCES mc_shipping_zone (id) ON DELETE CASCADE, 
	CONSTRAINT uq_mc_shipping_method_zone_id_code_currency UNIQUE (zone_id, code, currency)
);
CREATE TABLE mc_price_list (
	id INTEGER NOT NULL, 
	code VARCHAR(80) NOT NULL, 
	name VARCHAR(120) NOT NULL, 
	customer_group VARCHAR(80), 
	channel VARCHAR(40), 
	priority INTEGER NOT NULL, 
	sale BOOLEAN NOT NULL, 
	starts_at DATETIME, 
	ends_at DATETIME, 
	active BOOLEAN NOT NULL, 
	CONSTRAINT pk_mc_price_list PRIMARY KEY (id), 
	CONSTRAINT uq_mc_price_list_code UNIQUE (code)
);
CREATE TABLE mc_special_price (
	id INTEGER NOT NULL, 
	variant_id INTEGER NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	list_id INTEGER, 
	customer_group VARCHAR(80), 
	channel VARCHAR(40), 
	min_quantity INTEGER NOT NULL, 
	starts_at DATETIME, 
	ends_at DATETIME, 
	amount BIGINT NOT NULL, 
	CONSTRAINT pk_mc_special_price PRIMARY KEY (id), 
	CONSTRAINT ck_mc_special_price_amount CHECK (amount >= 0), 
	CONSTRAINT ck_mc_special_price_min_quantity CHECK (min_quantity >= 1), 
	CONSTRAINT fk_mc_special_price_variant_id FOREIGN KEY(variant_id) REFERENCES mc_variant (id), 
	CONSTRAINT fk_mc_special_price_list_id FOREIGN KEY(list_id) REFERENCES mc_price_list (id)
);
CREATE TABLE mc_promotion (
	id INTEGER NOT NULL, 
	"key" VARCHAR(80) NOT NULL, 
	name VARCHAR(120) NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	definition JSON NOT NULL, 
	currency VARCHAR(3), 
	starts_at DATETIME, 
	ends_at DATETIME, 
	active BOOLEAN NOT NULL, 
	needs_code BOOLEAN NOT NULL, 
	reusable BOOLEAN NOT NULL, 
	most_uses INTEGER, 
	most_uses_per_customer INTEGER, 
	budget BIGINT, 
	uses INTEGER NOT NULL, 
	spent BIGINT NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	CONSTRAINT pk_mc_promotion PRIMARY KEY (id), 
	CONSTRAINT ck_mc_promotion_uses CHECK (uses >= 0 AND (most_uses IS NULL OR uses <= most_uses)), 
	CONSTRAINT ck_mc_promotion_spent CHECK (spent >= 0 AND (budget IS NULL OR spent <= budget)), 
	CONSTRAINT uq_mc_promotion_key UNIQUE ("key")
);
CREATE TABLE mc_promotion_code (
	code VARCHAR(40) NOT NULL, 
	promotion_id INTEGER NOT NULL, 
	most_uses INTEGER, 
	uses INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_mc_promotion_code PRIMARY KEY (code), 
	CONSTRAINT ck_mc_promotion_code_uses CHECK (uses >= 0 AND (most_uses IS NULL OR uses <= most_uses)), 
	CONSTRAINT fk_mc_promotion_code_promotion_id FOREIGN KEY(promotion_id) REFERENCES mc_promotion (id)
);
CREATE TABLE mc_promotion_use (
	id INTEGER NOT NULL, 
	order_number VARCHAR(32) NOT NULL, 
	promotion_id INTEGER NOT NULL, 
	code VARCHAR(40), 
	customer VARCHAR(254), 
	amount BIGINT NOT NULL, 
	state VARCHAR(8) NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_mc_promotion_use PRIMARY KEY (id), 
	CONSTRAINT ck_mc_promotion_use_amount CHECK (amount >= 0), 
	CONSTRAINT fk_mc_promotion_use_promotion_id FOREIGN KEY(promotion_id) REFERENCES mc_promotion (id), 
	CONSTRAINT uq_mc_promotion_use_order_number_promotion_id UNIQUE (order_number, promotion_id)
);
CREATE TABLE mc_promotion_customer (
	promotion_id INTEGER NOT NULL, 
	customer VARCHAR(254) NOT NULL, 
	uses INTEGER NOT NULL, 
	CONSTRAINT pk_mc_promotion_customer PRIMARY KEY (promotion_id, customer), 
	CONSTRAINT ck_mc_promotion_customer_uses CHECK (uses >= 0), 
	CONSTRAINT fk_mc_promotion_customer_promotion_id FOREIGN KEY(promotion_id) REFERENCES mc_promotion (id)
);
CREATE TABLE mc_location (
	id INTEGER NOT NULL, 
	code VARCHAR(40) NOT NULL, 
	name VARCHAR(120) NOT NULL, 
	priority INTEGER NOT NULL, 
	CONSTRAINT pk_mc_location PRIMARY KEY (id), 
	CONSTRAINT uq_mc_location_code UNIQUE (code)
);
CREATE TABLE "mc_stock_level" (
	variant_id INTEGER NOT NULL, 
	sku VARCHAR(64) NOT NULL, 
	on_hand INTEGER NOT NULL, 
	allocated INTEGER NOT NULL, 
	reserved INTEGER DEFAULT '0' NOT NULL, 
	backorder_limit INTEGER DEFAULT '0' NOT NULL, 
	low_at INTEGER, 
	expected_on DATE, 
	spread BOOLEAN DEFAULT 0 NOT NULL, 
	by_lot BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_mc_stock_level PRIMARY KEY (variant_id), 
	CONSTRAINT ck_mc_stock_level_on_hand CHECK (on_hand >= 0 AND backorder_limit >= 0), 
	CONSTRAINT ck_mc_stock_level_allocated CHECK (allocated >= 0 AND reserved >= 0), 
	CONSTRAINT ck_mc_stock_level_available CHECK (on_hand + backorder_limit >= allocated + reserved), 
	CONSTRAINT fk_mc_stock_level_variant_id FOREIGN KEY(variant_id) REFERENCES mc_variant (id), 
	CONSTRAINT uq_mc_stock_level_sku UNIQUE (sku)
);
CREATE TABLE mc_stock_lot (
	id INTEGER NOT NULL, 
	variant_id INTEGER NOT NULL, 
	location_id INTEGER NOT NULL, 
	code VARCHAR(40) NOT NULL, 
	roasted_on DATE, 
	best_before DATE, 
	on_hand INTEGER NOT NULL, 
	allocated INTEGER NOT NULL, 
	CONSTRAINT pk_mc_stock_lot PRIMARY KEY (id), 
	CONSTRAINT ck_mc_stock_lot_on_hand CHECK (allocated >= 0 AND on_hand >= allocated), 
	CONSTRAINT fk_mc_stock_lot_variant_id FOREIGN KEY(variant_id) REFERENCES "mc_stock_level" (variant_id), 
	CONSTRAINT fk_mc_stock_lot_location_id FOREIGN KEY(location_id) REFERENCES mc_location (id), 
	CONSTRAINT uq_mc_stock_lot_variant_id_location_id_code UNIQUE (variant_id, location_id, code)
);
CREATE TABLE "mc_stock_movement" (
	id INTEGER NOT NULL, 
	variant_id INTEGER NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	on_hand INTEGER NOT NULL, 
	allocated INTEGER NOT NULL, 
	reference VARCHAR(80) NOT NULL, 
	created_at DATETIME NOT NULL, 
	location_id INTEGER DEFAULT '1' NOT NULL, 
	lot_id INTEGER, 
	reserved INTEGER DEFAULT '0' NOT NULL, 
	reason VARCHAR(80) DEFAULT '' NOT NULL, 
	CONSTRAINT pk_mc_stock_movement PRIMARY KEY (id), 
	CONSTRAINT fk_mc_stock_movement_variant_id FOREIGN KEY(variant_id) REFERENCES "mc_stock_level" (variant_id), 
	CONSTRAINT fk_mc_stock_movement_location_id FOREIGN KEY(location_id) REFERENCES mc_location (id), 
	CONSTRAINT fk_mc_stock_movement_lot_id FOREIGN KEY(lot_id) REFERENCES mc_stock_lot (id)
);
CREATE TABLE mc_stock_place (
	variant_id INTEGER NOT NULL, 
	location_id INTEGER NOT NULL, 
	on_hand INTEGER NOT NULL, 
	allocated INTEGER NOT NULL, 
	reserved INTEGER NOT NULL, 
	backorder_limit INTEGER NOT NULL, 
	CONSTRAINT pk_mc_stock_place PRIMARY KEY (variant_id, location_id), 
	CONSTRAINT ck_mc_stock_place_on_hand CHECK (on_hand >= 0 AND backorder_limit >= 0), 
	CONSTRAINT ck_mc_stock_place_allocated CHECK (allocated >= 0 AND reserved >= 0), 
	CONSTRAINT ck_mc_stock_place_available CHECK (on_hand + backorder_limit >= allocated + reserved), 
	CONSTRAINT fk_mc_stock_place_variant_id FOREIGN KEY(variant_id) REFERENCES mc_stock_level (variant_id), 
	CONSTRAINT fk_mc_stock_place_location_id FOREIGN KEY(location_id) REFERENCES mc_location (id)
);
CREATE TABLE mc_stock_reservation (
	id INTEGER NOT NULL, 
	owner VARCHAR(80) NOT NULL, 
	token VARCHAR(64) NOT NULL, 
	variant_id INTEGER NOT NULL, 
	location_id INTEGER NOT NULL, 
	quantity INTEGER NOT NULL, 
	state VARCHAR(10) NOT NULL, 
	expires_at DATETIME NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_mc_stock_reservation PRIMARY KEY (id), 
	CONSTRAINT ck_mc_stock_reservation_quantity CHECK (quantity > 0), 
	CONSTRAINT fk_mc_stock_reservation_variant_id FOREIGN KEY(variant_id) REFERENCES mc_stock_level (variant_id), 
	CONSTRAINT fk_mc_stock_reservation_location_id FOREIGN KEY(location_id) REFERENCES mc_location (id)
);
CREATE TABLE mc_payment_operation (
	id VARCHAR(64) NOT NULL, 
	payment_id VARCHAR(64) NOT NULL, 
	order_number VARCHAR(32) NOT NULL, 
	kind VARCHAR(12) NOT NULL, 
	amount BIGINT NOT NULL, 
	final BOOLEAN NOT NULL, 
	status VARCHAR(12) NOT NULL, 
	idempotency_key VARCHAR(255), 
	leased_until DATETIME NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_mc_payment_operation PRIMARY KEY (id), 
	CONSTRAINT ck_mc_payment_operation_amount CHECK (amount >= 0)
);
CREATE TABLE mc_account (
	id INTEGER NOT NULL, 
	kind VARCHAR(12) NOT NULL, 
	code_hash VARCHAR(64), 
	hint VARCHAR(4) NOT NULL, 
	customer_id INTEGER, 
	currency VARCHAR(3) NOT NULL, 
	balance BIGINT NOT NULL, 
	active BOOLEAN NOT NULL, 
	expires_at DATETIME, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_mc_account PRIMARY KEY (id), 
	CONSTRAINT ck_mc_account_balance CHECK (balance >= 0), 
	CONSTRAINT uq_mc_account_code_hash UNIQUE (code_hash)
);
CREATE TABLE mc_account_entry (
	id INTEGER NOT NULL, 
	account_id INTEGER NOT NULL, 
	kind VARCHAR(12) NOT NULL, 
	amount BIGINT NOT NULL, 
	payment_id VARCHAR(64), 
	reference VARCHAR(120) NOT NULL, 
	idempotency_key VARCHAR(255), 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_mc_account_entry PRIMARY KEY (id), 
	CONSTRAINT fk_mc_account_entry_account_id FOREIGN KEY(account_id) REFERENCES mc_account (id)
);
CREATE TABLE mc_order_credit (
	id INTEGER NOT NULL, 
	order_id INTEGER NOT NULL, 
	line_id INTEGER, 
	kind VARCHAR(12) NOT NULL, 
	pieces INTEGER NOT NULL, 
	amount BIGINT NOT NULL, 
	reference VARCHAR(80) NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_mc_order_credit PRIMARY KEY (id), 
	CONSTRAINT ck_mc_order_credit_amount CHECK (amount >= 0 AND pieces >= 0), 
	CONSTRAINT fk_mc_order_credit_order_id FOREIGN KEY(order_id) REFERENCES mc_order (id)
);
CREATE TABLE mc_shipment (
	id INTEGER NOT NULL, 
	order_id INTEGER NOT NULL, 
	tracking VARCHAR(120) NOT NULL, 
	carrier VARCHAR(60) NOT NULL, 
	created_at DATETIME NOT NULL, 
	delivered_at DATETIME, 
	CONSTRAINT pk_mc_shipment PRIMARY KEY (id), 
	CONSTRAINT fk_mc_shipment_order_id FOREIGN KEY(order_id) REFERENCES mc_order (id)
);
CREATE TABLE mc_shipment_line (
	shipment_id INTEGER NOT NULL, 
	line_id INTEGER NOT NULL, 
	quantity INTEGER NOT NULL, 
	CONSTRAINT pk_mc_shipment_line PRIMARY KEY (shipment_id, line_id), 
	CONSTRAINT ck_mc_shipment_line_quantity CHECK (quantity > 0), 
	CONSTRAINT fk_mc_shipment_line_shipment_id FOREIGN KEY(shipment_id) REFERENCES mc_shipment (id), 
	CONSTRAINT fk_mc_shipment_line_line_id FOREIGN KEY(line_id) REFERENCES mc_order_line (id)
);
CREATE TABLE mc_order_change (
	id INTEGER NOT NULL, 
	order_id INTEGER NOT NULL, 
	status VARCHAR(12) NOT NULL, 
	reason VARCHAR(200) NOT NULL, 
	difference BIGINT, 
	created_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	CONSTRAINT pk_mc_order_change PRIMARY KEY (id), 
	CONSTRAINT fk_mc_order_change_order_id FOREIGN KEY(order_id) REFERENCES mc_order (id)
);
CREATE TABLE mc_order_change_step (
	id INTEGER NOT NULL, 
	change_id INTEGER NOT NULL, 
	action VARCHAR(12) NOT NULL, 
	line_id INTEGER, 
	variant_id INTEGER, 
	quantity INTEGER NOT NULL, 
	unit_price BIGINT, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_mc_order_change_step PRIMARY KEY (id), 
	CONSTRAINT ck_mc_order_change_step_quantity CHECK (quantity >= 0), 
	CONSTRAINT fk_mc_order_change_step_change_id FOREIGN KEY(change_id) REFERENCES mc_order_change (id)
);
CREATE TABLE mc_order_return (
	id INTEGER NOT NULL, 
	order_id INTEGER NOT NULL, 
	status VARCHAR(12) NOT NULL, 
	reason VARCHAR(20) NOT NULL, 
	note VARCHAR(400) NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	CONSTRAINT pk_mc_order_return PRIMARY KEY (id), 
	CONSTRAINT fk_mc_order_return_order_id FOREIGN KEY(order_id) REFERENCES mc_order (id)
);
CREATE TABLE mc_order_return_line (
	return_id INTEGER NOT NULL, 
	line_id INTEGER NOT NULL, 
	quantity INTEGER NOT NULL, 
	scrapped INTEGER DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_mc_order_return_line PRIMARY KEY (return_id, line_id), 
	CONSTRAINT ck_mc_order_return_line_quantity CHECK (quantity >= 0 AND scrapped >= 0 AND scrapped <= quantity), 
	CONSTRAINT fk_mc_order_return_line_return_id FOREIGN KEY(return_id) REFERENCES mc_order_return (id), 
	CONSTRAINT fk_mc_order_return_line_line_id FOREIGN KEY(line_id) REFERENCES mc_order_line (id)
);
CREATE TABLE mc_order_counter (
	channel VARCHAR(40) NOT NULL, 
	last BIGINT NOT NULL, 
	CONSTRAINT pk_mc_order_counter PRIMARY KEY (channel)
);
CREATE TABLE "mc_cart_line" (
	id INTEGER NOT NULL, 
	cart_id VARCHAR(64) NOT NULL, 
	variant_id INTEGER NOT NULL, 
	quantity INTEGER NOT NULL, 
	attributes JSON DEFAULT '{}' NOT NULL, 
	attributes_key VARCHAR(32) DEFAULT '' NOT NULL, 
	CONSTRAINT pk_mc_cart_line PRIMARY KEY (id), 
	CONSTRAINT ck_mc_cart_line_quantity CHECK (quantity > 0), 
	CONSTRAINT fk_mc_cart_line_cart_id FOREIGN KEY(cart_id) REFERENCES mc_cart (id), 
	CONSTRAINT fk_mc_cart_line_variant_id FOREIGN KEY(variant_id) REFERENCES mc_variant (id), 
	CONSTRAINT uq_mc_cart_line_cart_id_variant_id_attributes_key UNIQUE (cart_id, variant_id, attributes_key)
);
INSERT INTO "mc_alembic_version" ("version_num") VALUES ('0011');
INSERT INTO "mc_cart" ("id", "currency", "status", "version", "created_at", "updated_at", "owner", "channel", "customer_group", "merged_into") VALUES ('zglm5_kjx56XoJ5cfxzUQkGG3UnrWdDN', 'BRL', 'ordered', 3, '2026-11-28 23:02:14.458396', '2026-11-28 23:02:14.658020', NULL, 'default', NULL, NULL);
INSERT INTO "mc_cart" ("id", "currency", "status", "version", "created_at", "updated_at", "owner", "channel", "customer_group", "merged_into") VALUES ('_Hv-w3BRQ8L_RQHioGPX9rK7s0PO6Rqd', 'BRL', 'ordered', 4, '2026-11-28 23:02:14.754015', '2026-11-28 23:02:14.874827', NULL, 'default', NULL, NULL);
INSERT INTO "mc_cart" ("id", "currency", "status", "version", "created_at", "updated_at", "owner", "channel", "customer_group", "merged_into") VALUES ('P6nzJ4Kp2NR1fmSysu8O4q6XpbQLpo6t', 'BRL', 'ordered', 3, '2026-11-28 23:02:14.906846', '2026-11-28 23:02:14.977644', NULL, 'default', NULL, NULL);
INSERT INTO "mc_cart" ("id", "currency", "status", "version", "created_at", "updated_at", "owner", "channel", "customer_group", "merged_into") VALUES ('Af9dYEtVs9RCvbj5bDN8Fe_zgNqvMxAx', 'BRL', 'ordered', 3, '2026-11-28 23:02:15.009650', '2026-11-28 23:02:15.054419', NULL, 'default', NULL, NULL);
INSERT INTO "mc_cart" ("id", "currency", "status", "version", "created_at", "updated_at", "owner", "channel", "customer_group", "merged_into") VALUES ('e8PzJekEr6HsyAeYY3duiphrESu4P2Id', 'BRL', 'ordered', 3, '2026-11-28 23:02:15.194852', '2026-11-28 23:02:15.255623', NULL, 'default', NULL, NULL);
INSERT INTO "mc_cart" ("id", "currency", "status", "version", "created_at", "updated_at", "owner", "channel", "customer_group", "merged_into") VALUES ('8O2gJtRYKHMenQVify6FpsAQiRAU5y7Q', 'BRL', 'open', 4, '2026-11-28 23:02:15.351618', '2026-11-28 23:02:15.490389', NULL, 'default', NULL, NULL);
INSERT INTO "mc_cart" ("id", "currency", "status", "version", "created_at", "updated_at", "owner", "channel", "customer_group", "merged_into") VALUES ('D-4eMTSGblnjy9tn4lipppYvrxwsI_wY', 'BRL', 'ordered', 3, '2026-11-28 23:02:15.524018', '2026-11-28 23:02:15.586550', NULL, 'default', NULL, NULL);
INSERT INTO "mc_cart" ("id", "currency", "status", "version", "created_at", "updated_at", "owner", "channel", "customer_group", "merged_into") VALUES ('XDVLnHmZ8mPWvvJWAfzQp-pUsOhKLSSs', 'BRL', 'ordered', 3, '2026-11-28 23:02:15.602559', '2026-11-28 23:02:15.659377', NULL, 'default', NULL, NULL);
INSERT INTO "mc_cart" ("id", "currency", "status", "version", "created_at", "updated_at", "owner", "channel", "customer_group", "merged_into") VALUES ('PwsV5mKhfwK8t8o9ssyO6LU2lh2LZPoj', 'BRL', 'ordered', 3, '2026-11-28 23:02:15.697582', '2026-11-28 23:02:15.759485', NULL, 'default', NULL, NULL);
INSERT INTO "mc_cart" ("id", "currency", "status", "version", "created_at", "updated_at", "owner", "channel", "customer_group", "merged_into") VALUES ('Ucdd4mriKTTMLGcRAdK3W09U0_kO9sp-', 'BRL', 'ordered', 3, '2026-11-28 23:02:15.789140', '2026-11-28 23:02:15.830383', NULL, 'default', NULL, NULL);
INSERT INTO "mc_cart" ("id", "currency", "status", "version", "created_at", "updated_at", "owner", "channel", "customer_group", "merged_into") VALUES ('Ny6RTBj6NWKm6GGpjwoasOMsgHARfMww', 'BRL', 'ordered', 3, '2026-11-28 23:02:15.845275', '2026-11-28 23:02:15.903959', NULL, 'default', NULL, NULL);
INSERT INTO "mc_cart" ("id", "currency", "status", "version", "created_at", "updated_at", "owner", "channel", "customer_group", "merged_into") VALUES ('h63HbmDhfCqoJ_cSajZHOBkYc3DCeIiV', 'BRL', 'ordered', 3, '2026-11-28 23:02:15.974151', '2026-11-28 23:02:16.020189', NULL, 'default', NULL, NULL);
INSERT INTO "mc_cart" ("id", "currency", "status", "version", "created_at", "updated_at", "owner", "channel", "customer_group", "merged_into") VALUES ('jkMupn52UddJ8OXD6QJqw0pRaQmOZBIb', 'BRL', 'ordered', 3, '2026-11-28 23:02:16.169858', '2026-11-28 23:02:16.236901', NULL, 'default', NULL, NULL);
INSERT INTO "mc_cart" ("id", "currency", "status", "version", "created_at", "updated_at", "owner", "channel", "customer_group", "merged_into") VALUES ('WjfYVbr7pi0DFW-fsHr-0DHrhQcbj_yL', 'BRL', 'open', 2, '2026-11-28 23:02:16.386311', '2026-11-28 23:02:16.393394', 'ana', 'default', NULL, NULL);
INSERT INTO "mc_category" ("id", "parent_id", "slug", "name", "position") VALUES (1, NULL, 'graos', 'Grãos', 0);
INSERT INTO "mc_category" ("id", "parent_id", "slug", "name", "position") VALUES (2, 1, 'cerrado-mineiro', 'Cerrado Mineiro', 1);
INSERT INTO "mc_category" ("id", "parent_id", "slug", "name", "position") VALUES (3, NULL, 'equipamentos', 'Equipamentos', 2);
INSERT INTO "mc_idempotency" ("scope", "key", "request_hash", "order_number", "created_at") VALUES ('checkout', 'k1', 'fa2ed0d300a3ba1ed5200c0e64f6aff4d1053d990125855ba6b48ca2f05e7e97', 'MC-6C3ZVYN89H', '2026-11-28 23:02:14.642617');
INSERT INTO "mc_idempotency" ("scope", "key", "request_hash", "order_number", "created_at") VALUES ('checkout', 'k2', '96a9b39d27a7322240ffcd8a6400d0147c1076185edd3c86a47a2484736fff83', 'MC-TDPYDKRW3M', '2026-11-28 23:02:14.874303');
INSERT INTO "mc_idempotency" ("scope", "key", "request_hash", "order_number", "created_at") VALUES ('checkout', 'k3', 'd73f4d2766092f134bce6780b24a0b4d6d78133f53f0844feff0e825ff8e7c94', 'MC-MCBYJKBWYS', '2026-11-28 23:02:14.960373');
INSERT INTO "mc_idempotency" ("scope", "key", "request_hash", "order_number", "created_at") VALUES ('checkout', 'k4', '3d482d8fbdd763fc5e96f097ddb671aeb55c11c50b112ef04680357c190bde59', 'MC-WXZ3F3SZJ0', '2026-11-28 23:02:15.053812');
INSERT INTO "mc_idempotency" ("scope", "key", "request_hash", "order_number", "created_at") VALUES ('checkout', 'k5', 'f5ccae365b744f82bb9307a100d14d70175c75be23ef3c6a7ea314c5965c83e7', 'MC-9T4SC0AS5R', '2026-11-28 23:02:15.254982');
INSERT INTO "mc_idempotency" ("scope", "key", "request_hash", "order_number", "created_at") VALUES ('checkout', 'k6', 'f2fbbf849f6ddcbf4d37aef095cd64f8bb26efa1abb171bd4b0401212b088019', 'MC-884B60Z73M', '2026-11-28 23:02:15.412128');
INSERT INTO "mc_idempotency" ("scope", "key", "request_hash", "order_number", "created_at") VALUES ('checkout', 'k7', '8991510431f86a37b7ef0e4132afe79a46602351f31bc58c938228cb763fd16e', 'MC-D2KGV82590', '2026-11-28 23:02:15.585448');
INSERT INTO "mc_idempotency" ("scope", "key", "request_hash", "order_number", "created_at") VALUES ('checkout', 'k8', '25aa67efba33e22cf7c1fdfd50df452c167d0ad35dd79ae740981f6da5f63344', 'MC-HXE47B2ZNC', '2026-11-28 23:02:15.658833');
INSERT INTO "mc_idempotency" ("scope", "key", "request_hash", "order_number", "created_at") VALUES ('checkout', 'k9', '205b1f7c2ebbc3c93e1760c48bf9a0128242de7fb7c7667b81f1919ccb0a8cf2', 'MC-R1JRPNJ9F1', '2026-11-28 23:02:15.758676');
INSERT INTO "mc_idempotency" ("scope", "key", "request_hash", "order_number", "created_at") VALUES ('checkout', 'k10', 'f246286720a13377cef4d726b331ed63086c19fbd28f593311acb3f30c090db7', 'MC-VRE9H13ZGS', '2026-11-28 23:02:15.829779');
INSERT INTO "mc_idempotency" ("scope", "key", "request_hash", "order_number", "created_at") VALUES ('checkout', 'k11', 'd3aa1f1ea53cbba473fcfa5ff35c210e5d00e751dc74fb7e373f49beca551a31', 'MC-4N86B0DKDT', '2026-11-28 23:02:15.892448');
INSERT INTO "mc_idempotency" ("scope", "key", "request_hash", "order_number", "created_at") VALUES ('checkout', 'k12', 'cfea2838c813dd2fdf453a2eeeea0c9415a4a528b092afadac979600b2d1345e', 'MC-TBMDZPW1H6', '2026-11-28 23:02:16.019591');
INSERT INTO "mc_idempotency" ("scope", "key", "request_hash", "order_number", "created_at") VALUES ('checkout', 'k13', '569ed5de6f042af24d22d9c0e7e39511e8b548b6a93355782c42a135d43f6882', 'MC-RJJNDCJTJ2', '2026-11-28 23:02:16.228143');
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (1, 'product', '1', 'ProductChanged', '{"product_id": 1, "category_id": 2}', '2026-11-28 23:02:14.265135', 1, NULL, '2026-11-28 23:02:16.439828', NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (2, 'product', '2', 'ProductChanged', '{"product_id": 2, "category_id": 3}', '2026-11-28 23:02:14.354272', 1, NULL, '2026-11-28 23:02:16.439828', NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (3, 'cart', 'zglm5_kjx56XoJ5cfxzUQkGG3UnrWdDN', 'CartChanged', '{"cart_id": "zglm5_kjx56XoJ5cfxzUQkGG3UnrWdDN"}', '2026-11-28 23:02:14.509279', 1, NULL, '2026-11-28 23:02:16.439828', NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (4, 'product', '1', 'StockChanged', '{"product_id": 1, "availability_flipped": false}', '2026-11-28 23:02:14.658285', 1, NULL, '2026-11-28 23:02:16.439828', NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (5, 'order', 'MC-6C3ZVYN89H', 'OrderChanged', '{"number": "MC-6C3ZVYN89H", "status": "pending", "payment_status": "pending", "customer_id": 1}', '2026-11-28 23:02:14.658285', 1, NULL, '2026-11-28 23:02:16.439828', NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (6, 'cart', 'zglm5_kjx56XoJ5cfxzUQkGG3UnrWdDN', 'CartChanged', '{"cart_id": "zglm5_kjx56XoJ5cfxzUQkGG3UnrWdDN"}', '2026-11-28 23:02:14.658285', 1, NULL, '2026-11-28 23:02:16.439828', NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (7, 'order', 'MC-6C3ZVYN89H', 'OrderChanged', '{"number": "MC-6C3ZVYN89H", "status": "placed", "payment_status": "paid", "customer_id": 1}', '2026-11-28 23:02:14.728985', 1, NULL, '2026-11-28 23:02:16.439828', NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (8, 'cart', '_Hv-w3BRQ8L_RQHioGPX9rK7s0PO6Rqd', 'CartChanged', '{"cart_id": "_Hv-w3BRQ8L_RQHioGPX9rK7s0PO6Rqd"}', '2026-11-28 23:02:14.766843', 1, NULL, '2026-11-28 23:02:16.439828', NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (9, 'cart', '_Hv-w3BRQ8L_RQHioGPX9rK7s0PO6Rqd', 'CartChanged', '{"cart_id": "_Hv-w3BRQ8L_RQHioGPX9rK7s0PO6Rqd"}', '2026-11-28 23:02:14.805764', 1, NULL, '2026-11-28 23:02:16.439828', NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (10, 'product', '1', 'StockChanged', '{"product_id": 1, "availability_flipped": false}', '2026-11-28 23:02:14.875021', 1, NULL, '2026-11-28 23:02:16.439828', NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (11, 'order', 'MC-TDPYDKRW3M', 'OrderChanged', '{"number": "MC-TDPYDKRW3M", "status": "pending", "payment_status": "pending", "customer_id": 2}', '2026-11-28 23:02:14.875021', 1, NULL, '2026-11-28 23:02:16.439828', NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (12, 'cart', '_Hv-w3BRQ8L_RQHioGPX9rK7s0PO6Rqd', 'CartChanged', '{"cart_id": "_Hv-w3BRQ8L_RQHioGPX9rK7s0PO6Rqd"}', '2026-11-28 23:02:14.875021', 1, NULL, '2026-11-28 23:02:16.439828', NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (13, 'order', 'MC-TDPYDKRW3M', 'OrderChanged', '{"number": "MC-TDPYDKRW3M", "status": "placed", "payment_status": "paid", "customer_id": 2}', '2026-11-28 23:02:14.891526', 1, NULL, '2026-11-28 23:02:16.439828', NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (14, 'cart', 'P6nzJ4Kp2NR1fmSysu8O4q6XpbQLpo6t', 'CartChanged', '{"cart_id": "P6nzJ4Kp2NR1fmSysu8O4q6XpbQLpo6t"}', '2026-11-28 23:02:14.922807', 1, NULL, '2026-11-28 23:02:16.439828', NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (15, 'product', '1', 'StockChanged', '{"product_id": 1, "availability_flipped": false}', '2026-11-28 23:02:14.977865', 1, NULL, '2026-11-28 23:02:16.439828', NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (16, 'order', 'MC-MCBYJKBWYS', 'OrderChanged', '{"number": "MC-MCBYJKBWYS", "status": "pending", "payment_status": "pending", "customer_id": 1}', '2026-11-28 23:02:14.977865', 1, NULL, '2026-11-28 23:02:16.439828', NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (17, 'cart', 'P6nzJ4Kp2NR1fmSysu8O4q6XpbQLpo6t', 'CartChanged', '{"cart_id": "P6nzJ4Kp2NR1fmSysu8O4q6XpbQLpo6t"}', '2026-11-28 23:02:14.977865', 1, NULL, '2026-11-28 23:02:16.439828', NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (18, 'order', 'MC-MCBYJKBWYS', 'OrderChanged', '{"number": "MC-MCBYJKBWYS", "status": "placed", "payment_status": "authorized", "customer_id": 1}', '2026-11-28 23:02:14.993422', 1, NULL, '2026-11-28 23:02:16.439828', NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (19, 'cart', 'Af9dYEtVs9RCvbj5bDN8Fe_zgNqvMxAx', 'CartChanged', '{"cart_id": "Af9dYEtVs9RCvbj5bDN8Fe_zgNqvMxAx"}', '2026-11-28 23:02:15.014689', 1, NULL, '2026-11-28 23:02:16.439828', NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (20, 'product', '1', 'StockChanged', '{"product_id": 1, "availability_flipped": false}', '2026-11-28 23:02:15.054636', 1, NULL, '2026-11-28 23:02:16.439828', NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (21, 'order', 'MC-WXZ3F3SZJ0', 'OrderChanged', '{"number": "MC-WXZ3F3SZJ0", "status": "pending", "payment_status": "pending", "customer_id": 3}', '2026-11-28 23:02:15.054636', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (22, 'cart', 'Af9dYEtVs9RCvbj5bDN8Fe_zgNqvMxAx', 'CartChanged', '{"cart_id": "Af9dYEtVs9RCvbj5bDN8Fe_zgNqvMxAx"}', '2026-11-28 23:02:15.054636', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (23, 'order', 'MC-WXZ3F3SZJ0', 'OrderChanged', '{"number": "MC-WXZ3F3SZJ0", "status": "placed", "payment_status": "authorized", "customer_id": 3}', '2026-11-28 23:02:15.075318', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (24, 'order', 'MC-WXZ3F3SZJ0', 'OrderChanged', '{"number": "MC-WXZ3F3SZJ0", "status": "placed", "payment_status": "authorized", "customer_id": 3}', '2026-11-28 23:02:15.120232', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (25, 'order', 'MC-WXZ3F3SZJ0', 'OrderChanged', '{"number": "MC-WXZ3F3SZJ0", "status": "placed", "payment_status": "paid", "customer_id": 3}', '2026-11-28 23:02:15.171680', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (26, 'cart', 'e8PzJekEr6HsyAeYY3duiphrESu4P2Id', 'CartChanged', '{"cart_id": "e8PzJekEr6HsyAeYY3duiphrESu4P2Id"}', '2026-11-28 23:02:15.208548', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (27, 'product', '1', 'StockChanged', '{"product_id": 1, "availability_flipped": false}', '2026-11-28 23:02:15.255774', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (28, 'order', 'MC-9T4SC0AS5R', 'OrderChanged', '{"number": "MC-9T4SC0AS5R", "status": "pending", "payment_status": "pending", "customer_id": 1}', '2026-11-28 23:02:15.255774', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (29, 'cart', 'e8PzJekEr6HsyAeYY3duiphrESu4P2Id', 'CartChanged', '{"cart_id": "e8PzJekEr6HsyAeYY3duiphrESu4P2Id"}', '2026-11-28 23:02:15.255774', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (30, 'order', 'MC-9T4SC0AS5R', 'OrderChanged', '{"number": "MC-9T4SC0AS5R", "status": "placed", "payment_status": "authorized", "customer_id": 1}', '2026-11-28 23:02:15.270664', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (31, 'order', 'MC-9T4SC0AS5R', 'OrderChanged', '{"number": "MC-9T4SC0AS5R", "status": "placed", "payment_status": "authorized", "customer_id": 1}', '2026-11-28 23:02:15.292384', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (32, 'order', 'MC-9T4SC0AS5R', 'OrderChanged', '{"number": "MC-9T4SC0AS5R", "status": "placed", "payment_status": "void", "customer_id": 1}', '2026-11-28 23:02:15.328928', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (33, 'cart', '8O2gJtRYKHMenQVify6FpsAQiRAU5y7Q', 'CartChanged', '{"cart_id": "8O2gJtRYKHMenQVify6FpsAQiRAU5y7Q"}', '2026-11-28 23:02:15.363297', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (34, 'product', '1', 'StockChanged', '{"product_id": 1, "availability_flipped": false}', '2026-11-28 23:02:15.431418', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (35, 'order', 'MC-884B60Z73M', 'OrderChanged', '{"number": "MC-884B60Z73M", "status": "pending", "payment_status": "pending", "customer_id": 1}', '2026-11-28 23:02:15.431418', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (36, 'cart', '8O2gJtRYKHMenQVify6FpsAQiRAU5y7Q', 'CartChanged', '{"cart_id": "8O2gJtRYKHMenQVify6FpsAQiRAU5y7Q"}', '2026-11-28 23:02:15.431418', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (37, 'product', '1', 'StockChanged', '{"product_id": 1, "availability_flipped": false}', '2026-11-28 23:02:15.476993', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (38, 'order', 'MC-884B60Z73M', 'OrderChanged', '{"number": "MC-884B60Z73M", "status": "cancelled", "payment_status": "declined", "customer_id": 1}', '2026-11-28 23:02:15.490152', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (39, 'cart', '8O2gJtRYKHMenQVify6FpsAQiRAU5y7Q', 'CartChanged', '{"cart_id": "8O2gJtRYKHMenQVify6FpsAQiRAU5y7Q"}', '2026-11-28 23:02:15.490552', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (40, 'cart', 'D-4eMTSGblnjy9tn4lipppYvrxwsI_wY', 'CartChanged', '{"cart_id": "D-4eMTSGblnjy9tn4lipppYvrxwsI_wY"}', '2026-11-28 23:02:15.538905', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (41, 'product', '1', 'StockChanged', '{"product_id": 1, "availability_flipped": false}', '2026-11-28 23:02:15.586844', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (42, 'order', 'MC-D2KGV82590', 'OrderChanged', '{"number": "MC-D2KGV82590", "status": "pending", "payment_status": "pending", "customer_id": 1}', '2026-11-28 23:02:15.586844', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (43, 'cart', 'D-4eMTSGblnjy9tn4lipppYvrxwsI_wY', 'CartChanged', '{"cart_id": "D-4eMTSGblnjy9tn4lipppYvrxwsI_wY"}', '2026-11-28 23:02:15.586844', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (44, 'cart', 'XDVLnHmZ8mPWvvJWAfzQp-pUsOhKLSSs', 'CartChanged', '{"cart_id": "XDVLnHmZ8mPWvvJWAfzQp-pUsOhKLSSs"}', '2026-11-28 23:02:15.618793', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (45, 'product', '1', 'StockChanged', '{"product_id": 1, "availability_flipped": false}', '2026-11-28 23:02:15.659617', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (46, 'order', 'MC-HXE47B2ZNC', 'OrderChanged', '{"number": "MC-HXE47B2ZNC", "status": "pending", "payment_status": "pending", "customer_id": 1}', '2026-11-28 23:02:15.659617', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (47, 'cart', 'XDVLnHmZ8mPWvvJWAfzQp-pUsOhKLSSs', 'CartChanged', '{"cart_id": "XDVLnHmZ8mPWvvJWAfzQp-pUsOhKLSSs"}', '2026-11-28 23:02:15.659617', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (48, 'cart', 'PwsV5mKhfwK8t8o9ssyO6LU2lh2LZPoj', 'CartChanged', '{"cart_id": "PwsV5mKhfwK8t8o9ssyO6LU2lh2LZPoj"}', '2026-11-28 23:02:15.710984', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (49, 'product', '1', 'StockChanged', '{"product_id": 1, "availability_flipped": false}', '2026-11-28 23:02:15.759796', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (50, 'order', 'MC-R1JRPNJ9F1', 'OrderChanged', '{"number": "MC-R1JRPNJ9F1", "status": "pending", "payment_status": "pending", "customer_id": 4}', '2026-11-28 23:02:15.759796', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (51, 'cart', 'PwsV5mKhfwK8t8o9ssyO6LU2lh2LZPoj', 'CartChanged', '{"cart_id": "PwsV5mKhfwK8t8o9ssyO6LU2lh2LZPoj"}', '2026-11-28 23:02:15.759796', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (52, 'cart', 'Ucdd4mriKTTMLGcRAdK3W09U0_kO9sp-', 'CartChanged', '{"cart_id": "Ucdd4mriKTTMLGcRAdK3W09U0_kO9sp-"}', '2026-11-28 23:02:15.794492', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (53, 'product', '1', 'StockChanged', '{"product_id": 1, "availability_flipped": false}', '2026-11-28 23:02:15.830585', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (54, 'order', 'MC-VRE9H13ZGS', 'OrderChanged', '{"number": "MC-VRE9H13ZGS", "status": "pending", "payment_status": "pending", "customer_id": 1}', '2026-11-28 23:02:15.830585', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (55, 'cart', 'Ucdd4mriKTTMLGcRAdK3W09U0_kO9sp-', 'CartChanged', '{"cart_id": "Ucdd4mriKTTMLGcRAdK3W09U0_kO9sp-"}', '2026-11-28 23:02:15.830585', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (56, 'cart', 'Ny6RTBj6NWKm6GGpjwoasOMsgHARfMww', 'CartChanged', '{"cart_id": "Ny6RTBj6NWKm6GGpjwoasOMsgHARfMww"}', '2026-11-28 23:02:15.855699', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (57, 'product', '2', 'StockChanged', '{"product_id": 2, "availability_flipped": false}', '2026-11-28 23:02:15.904161', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (58, 'order', 'MC-4N86B0DKDT', 'OrderChanged', '{"number": "MC-4N86B0DKDT", "status": "pending", "payment_status": "pending", "customer_id": 1}', '2026-11-28 23:02:15.904161', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (59, 'cart', 'Ny6RTBj6NWKm6GGpjwoasOMsgHARfMww', 'CartChanged', '{"cart_id": "Ny6RTBj6NWKm6GGpjwoasOMsgHARfMww"}', '2026-11-28 23:02:15.904161', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (60, 'order', 'MC-4N86B0DKDT', 'OrderChanged', '{"number": "MC-4N86B0DKDT", "status": "placed", "payment_status": "paid", "customer_id": 1}', '2026-11-28 23:02:15.915648', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (61, 'product', '2', 'StockChanged', '{"product_id": 2, "availability_flipped": false}', '2026-11-28 23:02:15.945727', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (62, 'order', 'MC-4N86B0DKDT', 'OrderChanged', '{"number": "MC-4N86B0DKDT", "status": "completed", "payment_status": "paid", "customer_id": 1}', '2026-11-28 23:02:15.959216', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (63, 'order', 'MC-4N86B0DKDT', 'OrderShipped', '{"number": "MC-4N86B0DKDT", "shipment_id": 1, "customer_id": 1}', '2026-11-28 23:02:15.959443', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (64, 'cart', 'h63HbmDhfCqoJ_cSajZHOBkYc3DCeIiV', 'CartChanged', '{"cart_id": "h63HbmDhfCqoJ_cSajZHOBkYc3DCeIiV"}', '2026-11-28 23:02:15.976784', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (65, 'product', '1', 'StockChanged', '{"product_id": 1, "availability_flipped": false}', '2026-11-28 23:02:16.020392', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (66, 'order', 'MC-TBMDZPW1H6', 'OrderChanged', '{"number": "MC-TBMDZPW1H6", "status": "pending", "payment_status": "pending", "customer_id": 2}', '2026-11-28 23:02:16.020392', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (67, 'cart', 'h63HbmDhfCqoJ_cSajZHOBkYc3DCeIiV', 'CartChanged', '{"cart_id": "h63HbmDhfCqoJ_cSajZHOBkYc3DCeIiV"}', '2026-11-28 23:02:16.020392', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (68, 'order', 'MC-TBMDZPW1H6', 'OrderChanged', '{"number": "MC-TBMDZPW1H6", "status": "placed", "payment_status": "paid", "customer_id": 2}', '2026-11-28 23:02:16.049573', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (69, 'order', 'MC-TBMDZPW1H6', 'OrderChanged', '{"number": "MC-TBMDZPW1H6", "status": "placed", "payment_status": "partially_refunded", "customer_id": 2}', '2026-11-28 23:02:16.154290', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (70, 'cart', 'jkMupn52UddJ8OXD6QJqw0pRaQmOZBIb', 'CartChanged', '{"cart_id": "jkMupn52UddJ8OXD6QJqw0pRaQmOZBIb"}', '2026-11-28 23:02:16.183366', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (71, 'product', '1', 'StockChanged', '{"product_id": 1, "availability_flipped": false}', '2026-11-28 23:02:16.237247', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (72, 'order', 'MC-RJJNDCJTJ2', 'OrderChanged', '{"number": "MC-RJJNDCJTJ2", "status": "pending", "payment_status": "pending", "customer_id": 1}', '2026-11-28 23:02:16.237247', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (73, 'cart', 'jkMupn52UddJ8OXD6QJqw0pRaQmOZBIb', 'CartChanged', '{"cart_id": "jkMupn52UddJ8OXD6QJqw0pRaQmOZBIb"}', '2026-11-28 23:02:16.237247', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (74, 'order', 'MC-RJJNDCJTJ2', 'OrderChanged', '{"number": "MC-RJJNDCJTJ2", "status": "placed", "payment_status": "paid", "customer_id": 1}', '2026-11-28 23:02:16.251380', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (75, 'product', '1', 'StockChanged', '{"product_id": 1, "availability_flipped": false}', '2026-11-28 23:02:16.284176', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (76, 'order', 'MC-RJJNDCJTJ2', 'OrderChanged', '{"number": "MC-RJJNDCJTJ2", "status": "cancelled", "payment_status": "refund_due", "customer_id": 1}', '2026-11-28 23:02:16.302876', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (77, 'order', 'MC-RJJNDCJTJ2', 'OrderChanged', '{"number": "MC-RJJNDCJTJ2", "status": "cancelled", "payment_status": "refunded", "customer_id": 1}', '2026-11-28 23:02:16.374501', 0, NULL, NULL, NULL);
INSERT INTO "mc_outbox" ("id", "aggregate", "aggregate_id", "type", "payload", "created_at", "attempts", "claimed_until", "delivered_at", "last_error") VALUES (78, 'cart', 'WjfYVbr7pi0DFW-fsHr-0DHrhQcbj_yL', 'CartChanged', '{"cart_id": "WjfYVbr7pi0DFW-fsHr-0DHrhQcbj_yL"}', '2026-11-28 23:02:16.393561', 0, NULL, NULL, NULL);
INSERT INTO "mc_payment" ("id", "order_number", "provider", "method", "currency", "amount", "acknowledged", "reference", "action", "leased_until", "expires_at", "created_at", "position", "account_id", "status", "authorized_amount", "captured_amount", "voided_amount", "refunded_amount", "refunding_amount") VALUES ('pay_JLZ2oHsx5jBXbDjyf022evgtoG2Adav9', 'MC-6C3ZVYN89H', 'card', 'card', 'BRL', 11688, 1, 'fake_evgtoG2Adav9', '{}', '2026-11-28 23:02:44.643754', '2026-11-28 23:32:14.643754', '2026-11-28 23:02:14.643810', 0, NULL, 'captured', 0, 11688, 0, 0, 0);
INSERT INTO "mc_payment" ("id", "order_number", "provider", "method", "currency", "amount", "acknowledged", "reference", "action", "leased_until", "expires_at", "created_at", "position", "account_id", "status", "authorized_amount", "captured_amount", "voided_amount", "refunded_amount", "refunding_amount") VALUES ('pay_x_KQhl_o_9WDhisjRGF87t1uomJupABc', 'MC-TDPYDKRW3M', 'card', 'card', 'BRL', 10678, 1, 'fake_7t1uomJupABc', '{}', '2026-11-28 23:02:44.874468', '2026-11-28 23:32:14.874468', '2026-11-28 23:02:14.874515', 0, NULL, 'captured', 0, 10678, 0, 0, 0);
INSERT INTO "mc_payment" ("id", "order_number", "provider", "method", "currency", "amount", "acknowledged", "reference", "action", "leased_until", "expires_at", "created_at", "position", "account_id", "status", "authorized_amount", "captured_amount", "voided_amount", "refunded_amount", "refunding_amount") VALUES ('pay__vOhvpTnCoTABpIpfy6wB7zLx3R2XF4Y', 'MC-MCBYJKBWYS', 'card', 'card', 'BRL', 11688, 1, 'fake_B7zLx3R2XF4Y', '{}', '2026-11-28 23:02:44.960526', '2026-11-28 23:32:14.960526', '2026-11-28 23:02:14.960572', 0, NULL, 'authorized', 11688, 0, 0, 0, 0);
INSERT INTO "mc_payment" ("id", "order_number", "provider", "method", "currency", "amount", "acknowledged", "reference", "action", "leased_until", "expires_at", "created_at", "position", "account_id", "status", "authorized_amount", "captured_amount", "voided_amount", "refunded_amount", "refunding_amount") VALUES ('pay_bzwjMPsnwJRK2k704x9VdOoQ7wYX0aF-', 'MC-WXZ3F3SZJ0', 'card', 'card', 'BRL', 11688, 1, 'fake_dOoQ7wYX0aF-', '{}', '2026-11-28 23:02:45.053983', '2026-11-28 23:32:15.053983', '2026-11-28 23:02:15.054032', 0, NULL, 'captured', 11688, 11688, 0, 0, 0);
INSERT INTO "mc_payment" ("id", "order_number", "provider", "method", "currency", "amount", "acknowledged", "reference", "action", "leased_until", "expires_at", "created_at", "position", "account_id", "status", "authorized_amount", "captured_amount", "voided_amount", "refunded_amount", "refunding_amount") VALUES ('pay__vtinmM6HKM6rrrQRddYwke7WOhC2Xk1', 'MC-9T4SC0AS5R', 'card', 'card', 'BRL', 11688, 1, 'fake_wke7WOhC2Xk1', '{}', '2026-11-28 23:02:45.255215', '2026-11-28 23:32:15.255215', '2026-11-28 23:02:15.255263', 0, NULL, 'voided', 11688, 0, 11688, 0, 0);
INSERT INTO "mc_payment" ("id", "order_number", "provider", "method", "currency", "amount", "acknowledged", "reference", "action", "leased_until", "expires_at", "created_at", "position", "account_id", "status", "authorized_amount", "captured_amount", "voided_amount", "refunded_amount", "refunding_amount") VALUES ('pay_JtrkzDYXXODjPFUlkteYfp1pQejTjST4', 'MC-884B60Z73M', 'card', 'card', 'BRL', 11688, 1, 'fake_fp1pQejTjST4', '{}', '2026-11-28 23:02:45.412320', '2026-11-28 23:32:15.412320', '2026-11-28 23:02:15.412362', 0, NULL, 'declined', 0, 0, 0, 0, 0);
INSERT INTO "mc_payment" ("id", "order_number", "provider", "method", "currency", "amount", "acknowledged", "reference", "action", "leased_until", "expires_at", "created_at", "position", "account_id", "status", "authorized_amount", "captured_amount", "voided_amount", "refunded_amount", "refunding_amount") VALUES ('pay_zh8wuYmj1Ai4qM_Xpbx9NeFAx8haxn82', 'MC-D2KGV82590', 'card', 'card', 'BRL', 11688, 0, '', '{}', '2026-11-28 23:02:45.585902', '2026-11-28 23:32:15.585902', '2026-11-28 23:02:15.585974', 0, NULL, 'pending', 0, 0, 0, 0, 0);
INSERT INTO "mc_payment" ("id", "order_number", "provider", "method", "currency", "amount", "acknowledged", "reference", "action", "leased_until", "expires_at", "created_at", "position", "account_id", "status", "authorized_amount", "captured_amount", "voided_amount", "refunded_amount", "refunding_amount") VALUES ('pay_3of576NlAq5UoN1x0muyV9Boh5dCaKbu', 'MC-HXE47B2ZNC', 'pix', 'pix', 'BRL', 11688, 1, '', '{"type": "pix", "br_code": "00020126410014br.gov.bcb.pix0119pix@mestres.example5204000053039865406116.885802BR5912Mestres Cafe6010Patrocinio62290525pay3of576NlAq5UoN1x0muyV96304A535", "expires_at": "2026-11-28T23:32:15.659014+00:00"}', '2026-11-28 23:02:45.659014', '2026-11-28 23:32:15.659014', '2026-11-28 23:02:15.659054', 0, NULL, 'pending', 0, 0, 0, 0, 0);
INSERT INTO "mc_payment" ("id", "order_number", "provider", "method", "currency", "amount", "acknowledged", "reference", "action", "leased_until", "expires_at", "created_at", "position", "account_id", "status", "authorized_amount", "captured_amount", "voided_amount", "refunded_amount", "refunding_amount") VALUES ('pay_yTLN0d1lpds4aAXY4SmPqeBZCipBgvRi', 'MC-R1JRPNJ9F1', 'boleto', 'boleto', 'BRL', 11688, 1, '', '{"type": "boleto", "barcode": "34195164800000116881039289029888796253644125", "line": "34191039288902988879262536441256516480000011688", "due_date": "2026-12-02", "expires_at": "2026-12-05T02:59:59+00:00"}', '2026-11-28 23:02:45.758944', '2026-12-05 02:59:59.000000', '2026-11-28 23:02:15.759077', 0, NULL, 'pending', 0, 0, 0, 0, 0);
INSERT INTO "mc_payment" ("id", "order_number", "provider", "method", "currency", "amount", "acknowledged", "reference", "action", "leased_until", "expires_at", "created_at", "position", "account_id", "status", "authorized_amount", "captured_amount", "voided_amount", "refunded_amount", "refunding_amount") VALUES ('pay_3Wxs06gbRgl11f3hjkOP3pyatj84a80C', 'MC-VRE9H13ZGS', 'card', 'card', 'BRL', 11688, 0, '', '{}', '2026-11-28 23:02:45.829979', '2026-11-28 23:32:15.829979', '2026-11-28 23:02:15.830013', 0, NULL, 'pending', 0, 0, 0, 0, 0);
INSERT INTO "mc_payment" ("id", "order_number", "provider", "method", "currency", "amount", "acknowledged", "reference", "action", "leased_until", "expires_at", "created_at", "position", "account_id", "status", "authorized_amount", "captured_amount", "voided_amount", "refunded_amount", "refunding_amount") VALUES ('pay_noNm8osfE850bKgrW2VIiywKmB0AVqwW', 'MC-4N86B0DKDT', 'card', 'card', 'BRL', 28380, 1, 'fake_iywKmB0AVqwW', '{}', '2026-11-28 23:02:45.892590', '2026-11-28 23:32:15.892590', '2026-11-28 23:02:15.903377', 0, NULL, 'captured', 0, 28380, 0, 0, 0);
INSERT INTO "mc_payment" ("id", "order_number", "provider", "method", "currency", "amount", "acknowledged", "reference", "action", "leased_until", "expires_at", "created_at", "position", "account_id", "status", "authorized_amount", "captured_amount", "voided_amount", "refunded_amount", "refunding_amount") VALUES ('pay_e16CMQLzFZzd5BIM9uYXmNqZ6VafKptP', 'MC-TBMDZPW1H6', 'card', 'card', 'BRL', 11688, 1, 'fake_mNqZ6VafKptP', '{}', '2026-11-28 23:02:46.019787', '2026-11-28 23:32:16.019787', '2026-11-28 23:02:16.019821', 0, NULL, 'captured', 0, 11688, 0, 1000, 0);
INSERT INTO "mc_payment" ("id", "order_number", "provider", "method", "currency", "amount", "acknowledged", "reference", "action", "leased_until", "expires_at", "created_at", "position", "account_id", "status", "authorized_amount", "captured_amount", "voided_amount", "refunded_amount", "refunding_amount") VALUES ('pay_tA9Gi9v62aJem3RqLplSGywJW6sPeEmc', 'MC-RJJNDCJTJ2', 'card', 'card', 'BRL', 11688, 1, 'fake_GywJW6sPeEmc', '{}', '2026-11-28 23:02:46.228298', '2026-11-28 23:32:16.228298', '2026-11-28 23:02:16.228329', 0, NULL, 'captured', 0, 11688, 0, 11688, 0);
INSERT INTO "mc_payment_event" ("id", "provider", "event_id", "payment_id", "amount", "action", "reference", "state", "created_at", "operation", "kind") VALUES (1, 'card', 'evt_pay_JLZ2oHsx5jBXbDjyf022evgtoG2Adav9', 'pay_JLZ2oHsx5jBXbDjyf022evgtoG2Adav9', 11688, '{}', 'fake_evgtoG2Adav9', 'applied', '2026-11-28 23:02:14.687249', '', 'captured');
INSERT INTO "mc_payment_event" ("id", "provider", "event_id", "payment_id", "amount", "action", "reference", "state", "created_at", "operation", "kind") VALUES (2, 'card', 'evt_pay_x_KQhl_o_9WDhisjRGF87t1uomJupABc', 'pay_x_KQhl_o_9WDhisjRGF87t1uomJupABc', 10678, '{}', 'fake_7t1uomJupABc', 'applied', '2026-11-28 23:02:14.890451', '', 'captured');
INSERT INTO "mc_payment_event" ("id", "provider", "event_id", "payment_id", "amount", "action", "reference", "state", "created_at", "operation", "kind") VALUES (3, 'card', 'evt_pay__vOhvpTnCoTABpIpfy6wB7zLx3R2XF4Y', 'pay__vOhvpTnCoTABpIpfy6wB7zLx3R2XF4Y', 11688, '{}', 'fake_B7zLx3R2XF4Y', 'applied', '2026-11-28 23:02:14.987425', '', 'authorized');
INSERT INTO "mc_payment_event" ("id", "provider", "event_id", "payment_id", "amount", "action", "reference", "state", "created_at", "operation", "kind") VALUES (4, 'card', 'evt_pay_bzwjMPsnwJRK2k704x9VdOoQ7wYX0aF-', 'pay_bzwjMPsnwJRK2k704x9VdOoQ7wYX0aF-', 11688, '{}', 'fake_dOoQ7wYX0aF-', 'applied', '2026-11-28 23:02:15.074303', '', 'authorized');
INSERT INTO "mc_payment_event" ("id", "provider", "event_id", "payment_id", "amount", "action", "reference", "state", "created_at", "operation", "kind") VALUES (5, 'card', 'cap_pay_bzwjMPsnwJRK2k704x9VdOoQ7wYX0aF-', 'pay_bzwjMPsnwJRK2k704x9VdOoQ7wYX0aF-', 11688, '{}', 'fake_dOoQ7wYX0aF-', 'applied', '2026-11-28 23:02:15.149820', '', 'captured');
INSERT INTO "mc_payment_event" ("id", "provider", "event_id", "payment_id", "amount", "action", "reference", "state", "created_at", "operation", "kind") VALUES (6, 'card', 'evt_pay__vtinmM6HKM6rrrQRddYwke7WOhC2Xk1', 'pay__vtinmM6HKM6rrrQRddYwke7WOhC2Xk1', 11688, '{}', 'fake_wke7WOhC2Xk1', 'applied', '2026-11-28 23:02:15.269546', '', 'authorized');
INSERT INTO "mc_payment_event" ("id", "provider", "event_id", "payment_id", "amount", "action", "reference", "state", "created_at", "operation", "kind") VALUES (7, 'card', 'evt_voi_hYNBHlkDsmpZAmFbmWoKpTOYrrZSFNM6', 'pay__vtinmM6HKM6rrrQRddYwke7WOhC2Xk1', 11688, '{}', 'fake_wke7WOhC2Xk1', 'applied', '2026-11-28 23:02:15.309418', 'voi_hYNBHlkDsmpZAmFbmWoKpTOYrrZSFNM6', 'voided');
INSERT INTO "mc_payment_event" ("id", "provider", "event_id", "payment_id", "amount", "action", "reference", "state", "created_at", "operation", "kind") VALUES (8, 'card', 'evt_pay_JtrkzDYXXODjPFUlkteYfp1pQejTjST4', 'pay_JtrkzDYXXODjPFUlkteYfp1pQejTjST4', 11688, '{}', 'fake_fp1pQejTjST4', 'applied', '2026-11-28 23:02:15.438849', '', 'declined');
INSERT INTO "mc_payment_event" ("id", "provider", "event_id", "payment_id", "amount", "action", "reference", "state", "created_at", "operation", "kind") VALUES (9, 'pix', 'cob_pay_3of576NlAq5UoN1x0muyV9Boh5dCaKbu', 'pay_3of576NlAq5UoN1x0muyV9Boh5dCaKbu', 11688, '{"type": "pix", "br_code": "00020126410014br.gov.bcb.pix0119pix@mestres.example5204000053039865406116.885802BR5912Mestres Cafe6010Patrocinio62290525pay3of576NlAq5UoN1x0muyV96304A535", "expires_at": "2026-11-28T23:32:15.659014+00:00"}', '', 'applied', '2026-11-28 23:02:15.679705', '', 'pending');
INSERT INTO "mc_payment_event" ("id", "provider", "event_id", "payment_id", "amount", "action", "reference", "state", "created_at", "operation", "kind") VALUES (10, 'boleto', 'slip_pay_yTLN0d1lpds4aAXY4SmPqeBZCipBgvRi', 'pay_yTLN0d1lpds4aAXY4SmPqeBZCipBgvRi', 11688, '{"type": "boleto", "barcode": "34195164800000116881039289029888796253644125", "line": "34191039288902988879262536441256516480000011688", "due_date": "2026-12-02", "expires_at": "2026-12-05T02:59:59+00:00"}', '', 'applied', '2026-11-28 23:02:15.776573', '', 'pending');
INSERT INTO "mc_payment_event" ("id", "provider", "event_id", "payment_id", "amount", "action", "reference", "state", "created_at", "operation", "kind") VALUES (11, 'card', 'evt_pay_noNm8osfE850bKgrW2VIiywKmB0AVqwW', 'pay_noNm8osfE850bKgrW2VIiywKmB0AVqwW', 28380, '{}', 'fake_iywKmB0AVqwW', 'applied', '2026-11-28 23:02:15.914601', '', 'captured');
INSERT INTO "mc_payment_event" ("id", "provider", "event_id", "payment_id", "amount", "action", "reference", "state", "created_at", "operation", "kind") VALUES (12, 'card', 'evt_pay_e16CMQLzFZzd5BIM9uYXmNqZ6VafKptP', 'pay_e16CMQLzFZzd5BIM9uYXmNqZ6VafKptP', 11688, '{}', 'fake_mNqZ6VafKptP', 'applied', '2026-11-28 23:02:16.038453', '', 'captured');
INSERT INTO "mc_payment_event" ("id", "provider", "event_id", "payment_id", "amount", "action", "reference", "state", "created_at", "operation", "kind") VALUES (13, 'card', 'ref_WqouD9am5EbIVIxMyVzM2851DbW9zGKe', 'pay_e16CMQLzFZzd5BIM9uYXmNqZ6VafKptP', 1000, '{}', '', 'applied', '2026-11-28 23:02:16.129822', 'ref_WqouD9am5EbIVIxMyVzM2851DbW9zGKe', 'refunded');
INSERT INTO "mc_payment_event" ("id", "provider", "event_id", "payment_id", "amount", "action", "reference", "state", "created_at", "operation", "kind") VALUES (14, 'card', 'evt_pay_tA9Gi9v62aJem3RqLplSGywJW6sPeEmc', 'pay_tA9Gi9v62aJem3RqLplSGywJW6sPeEmc', 11688, '{}', 'fake_GywJW6sPeEmc', 'applied', '2026-11-28 23:02:16.250333', '', 'captured');
INSERT INTO "mc_payment_event" ("id", "provider", "event_id", "payment_id", "amount", "action", "reference", "state", "created_at", "operation", "kind") VALUES (15, 'card', 'ref_T6iOuFmIHkN76CZIt_4orrcYStzJBycS', 'pay_tA9Gi9v62aJem3RqLplSGywJW6sPeEmc', 11688, '{}', '', 'applied', '2026-11-28 23:02:16.359915', 'ref_T6iOuFmIHkN76CZIt_4orrcYStzJBycS', 'refunded');
INSERT INTO "mc_order" ("id", "number", "cart_id", "quote_hash", "status", "currency", "items_amount", "discount_amount", "shipping_amount", "tax_amount", "grand_amount", "customer", "address", "shipping_method", "access_token", "created_at", "updated_at", "customer_id", "coupons", "confirmed_at", "confirming_until", "payment_status", "fulfillment_status", "channel", "customer_group", "owner", "tax_included_amount", "shipping_tax_amount", "credited_amount", "shipping_credited_amount") VALUES (1, 'MC-6C3ZVYN89H', 'zglm5_kjx56XoJ5cfxzUQkGG3UnrWdDN', '0b129bbe38b93b61a108b1ae2229770e81ef04d91e6f60d40273a3744893b3ab', 'placed', 'BRL', 9180, 0, 1590, 918, 11688, '{"name": "Ana", "email": "ana@example.com", "document": "529.982.247-25"}', '{"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}', 'pac', '6_Q-pLx9uM2EeSlFS0jTwc4doMkwaKWm', '2026-11-28 23:02:14.599929', '2026-11-28 23:02:14.719995', 1, '[]', NULL, NULL, 'paid', 'unfulfilled', 'default', NULL, NULL, 0, 0, 0, 0);
INSERT INTO "mc_order" ("id", "number", "cart_id", "quote_hash", "status", "currency", "items_amount", "discount_amount", "shipping_amount", "tax_amount", "grand_amount", "customer", "address", "shipping_method", "access_token", "created_at", "updated_at", "customer_id", "coupons", "confirmed_at", "confirming_until", "payment_status", "fulfillment_status", "channel", "customer_group", "owner", "tax_included_amount", "shipping_tax_amount", "credited_amount", "shipping_credited_amount") VALUES (2, 'MC-TDPYDKRW3M', '_Hv-w3BRQ8L_RQHioGPX9rK7s0PO6Rqd', '63cd5a86ee55fc281b02f2716fde1d7823c334898e97baeacd67e9104a550c01', 'placed', 'BRL', 9180, 918, 1590, 826, 10678, '{"name": "Bia", "email": "bia@example.com", "document": "529.982.247-25"}', '{"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}', 'pac', 'Nhp32s9Ky9APNFC0oo0DfMhLij4kGs7M', '2026-11-28 23:02:14.857511', '2026-11-28 23:02:14.891360', 2, '[["CAFE10", 918]]', NULL, NULL, 'paid', 'unfulfilled', 'default', NULL, NULL, 0, 0, 0, 0);
INSERT INTO "mc_order" ("id", "number", "cart_id", "quote_hash", "status", "currency", "items_amount", "discount_amount", "shipping_amount", "tax_amount", "grand_amount", "customer", "address", "shipping_method", "access_token", "created_at", "updated_at", "customer_id", "coupons", "confirmed_at", "confirming_until", "payment_status", "fulfillment_status", "channel", "customer_group", "owner", "tax_included_amount", "shipping_tax_amount", "credited_amount", "shipping_credited_amount") VALUES (3, 'MC-MCBYJKBWYS', 'P6nzJ4Kp2NR1fmSysu8O4q6XpbQLpo6t', 'cbaba1bf3895c39aea55aba3428e372bf6742d29a5441a262c5ddf0607c3f86b', 'placed', 'BRL', 9180, 0, 1590, 918, 11688, '{"name": "Ana", "email": "ana@example.com", "document": "529.982.247-25"}', '{"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}', 'pac', '_ZCKtHnfu1-jYV6RT2vhGYsjCLeB90Ky', '2026-11-28 23:02:14.958597', '2026-11-28 23:02:14.993214', 1, '[]', NULL, NULL, 'authorized', 'unfulfilled', 'default', NULL, NULL, 0, 0, 0, 0);
INSERT INTO "mc_order" ("id", "number", "cart_id", "quote_hash", "status", "currency", "items_amount", "discount_amount", "shipping_amount", "tax_amount", "grand_amount", "customer", "address", "shipping_method", "access_token", "created_at", "updated_at", "customer_id", "coupons", "confirmed_at", "confirming_until", "payment_status", "fulfillment_status", "channel", "customer_group", "owner", "tax_included_amount", "shipping_tax_amount", "credited_amount", "shipping_credited_amount") VALUES (4, 'MC-WXZ3F3SZJ0', 'Af9dYEtVs9RCvbj5bDN8Fe_zgNqvMxAx', 'ec2420c859d4f19247bb19771670adf99f2f3d4716df8d6a516dcb80c5f19d3f', 'placed', 'BRL', 9180, 0, 1590, 918, 11688, '{"name": "Caio", "email": "caio@example.com", "document": "529.982.247-25"}', '{"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}', 'pac', 'm2rWbuasftF0wLtLny-tq1kgsmWrH4Ic', '2026-11-28 23:02:15.043540', '2026-11-28 23:02:15.171514', 3, '[]', NULL, NULL, 'paid', 'unfulfilled', 'default', NULL, NULL, 0, 0, 0, 0);
INSERT INTO "mc_order" ("id", "number", "cart_id", "quote_hash", "status", "currency", "items_amount", "discount_amount", "shipping_amount", "tax_amount", "grand_amount", "customer", "address", "shipping_method", "access_token", "created_at", "updated_at", "customer_id", "coupons", "confirmed_at", "confirming_until", "payment_status", "fulfillment_status", "channel", "customer_group", "owner", "tax_included_amount", "shipping_tax_amount", "credited_amount", "shipping_credited_amount") VALUES (5, 'MC-9T4SC0AS5R', 'e8PzJekEr6HsyAeYY3duiphrESu4P2Id', '6edb26124bff7622736fc4dc8325f181038491b2da6aa2135ee05ec9be1890f5', 'placed', 'BRL', 9180, 0, 1590, 918, 11688, '{"name": "Ana", "email": "ana@example.com", "document": "529.982.247-25"}', '{"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}', 'pac', '_ywMxubIs41bvRpOzgxoVTffhPxEfpZF', '2026-11-28 23:02:15.238739', '2026-11-28 23:02:15.312442', 1, '[]', NULL, NULL, 'void', 'unfulfilled', 'default', NULL, NULL, 0, 0, 0, 0);
INSERT INTO "mc_order" ("id", "number", "cart_id", "quote_hash", "status", "currency", "items_amount", "discount_amount", "shipping_amount", "tax_amount", "grand_amount", "customer", "address", "shipping_method", "access_token", "created_at", "updated_at", "customer_id", "coupons", "confirmed_at", "confirming_until", "payment_status", "fulfillment_status", "channel", "customer_group", "owner", "tax_included_amount", "shipping_tax_amount", "credited_amount", "shipping_credited_amount") VALUES (6, 'MC-884B60Z73M', '8O2gJtRYKHMenQVify6FpsAQiRAU5y7Q', 'a73fe884ee151556a6a26ffeda19b438bb5763724c81138c6dbd8b875036b7a9', 'cancelled', 'BRL', 9180, 0, 1590, 918, 11688, '{"name": "Ana", "email": "ana@example.com", "document": "529.982.247-25"}', '{"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}', 'pac', 'wI9zViz-GkrxxQVI264Q9wSfC3EqOuQa', '2026-11-28 23:02:15.409794', '2026-11-28 23:02:15.489935', 1, '[]', NULL, NULL, 'declined', 'unfulfilled', 'default', NULL, NULL, 0, 0, 0, 0);
INSERT INTO "mc_order" ("id", "number", "cart_id", "quote_hash", "status", "currency", "items_amount", "discount_amount", "shipping_amount", "tax_amount", "grand_amount", "customer", "address", "shipping_method", "access_token", "created_at", "updated_at", "customer_id", "coupons", "confirmed_at", "confirming_until", "payment_status", "fulfillment_status", "channel", "customer_group", "owner", "tax_included_amount", "shipping_tax_amount", "credited_amount", "shipping_credited_amount") VALUES (7, 'MC-D2KGV82590', 'D-4eMTSGblnjy9tn4lipppYvrxwsI_wY', '8bb320e774ff16efb85964cfdf99710a06b56a21df9945e851c3d9222de8e7df', 'pending', 'BRL', 9180, 0, 1590, 918, 11688, '{"name": "Ana", "email": "ana@example.com", "document": "529.982.247-25"}', '{"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}', 'pac', 'G5heVquUz1JB26DW8D9DXoukFXvl5Mb-', '2026-11-28 23:02:15.570548', '2026-11-28 23:02:15.570548', 1, '[]', NULL, NULL, 'pending', 'unfulfilled', 'default', NULL, NULL, 0, 0, 0, 0);
INSERT INTO "mc_order" ("id", "number", "cart_id", "quote_hash", "status", "currency", "items_amount", "discount_amount", "shipping_amount", "tax_amount", "grand_amount", "customer", "address", "shipping_method", "access_token", "created_at", "updated_at", "customer_id", "coupons", "confirmed_at", "confirming_until", "payment_status", "fulfillment_status", "channel", "customer_group", "owner", "tax_included_amount", "shipping_tax_amount", "credited_amount", "shipping_credited_amount") VALUES (8, 'MC-HXE47B2ZNC', 'XDVLnHmZ8mPWvvJWAfzQp-pUsOhKLSSs', 'ae2fba6c1867ac9bce0ce514fbf1d688370f47732ba6f014dd436221f11d9f83', 'pending', 'BRL', 9180, 0, 1590, 918, 11688, '{"name": "Ana", "email": "ana@example.com", "document": "529.982.247-25"}', '{"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}', 'pac', 'O7bZjs3JF9NAAtKCMC3BwUfb1tafRNJ3', '2026-11-28 23:02:15.656861', '2026-11-28 23:02:15.656861', 1, '[]', NULL, NULL, 'pending', 'unfulfilled', 'default', NULL, NULL, 0, 0, 0, 0);
INSERT INTO "mc_order" ("id", "number", "cart_id", "quote_hash", "status", "currency", "items_amount", "discount_amount", "shipping_amount", "tax_amount", "grand_amount", "customer", "address", "shipping_method", "access_token", "created_at", "updated_at", "customer_id", "coupons", "confirmed_at", "confirming_until", "payment_status", "fulfillment_status", "channel", "customer_group", "owner", "tax_included_amount", "shipping_tax_amount", "credited_amount", "shipping_credited_amount") VALUES (9, 'MC-R1JRPNJ9F1', 'PwsV5mKhfwK8t8o9ssyO6LU2lh2LZPoj', 'c619f7fc16df91ea6aedff144ac3370eb01f5c45f267549f32ee33f9991b3ab0', 'pending', 'BRL', 9180, 0, 1590, 918, 11688, '{"name": "Duda", "email": "duda@example.com", "document": "529.982.247-25"}', '{"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}', 'pac', 'LC93NiijG-SZwuP-WtUB5rvMydBa1TjR', '2026-11-28 23:02:15.738289', '2026-11-28 23:02:15.738289', 4, '[]', NULL, NULL, 'pending', 'unfulfilled', 'default', NULL, NULL, 0, 0, 0, 0);
INSERT INTO "mc_order" ("id", "number", "cart_id", "quote_hash", "status", "currency", "items_amount", "discount_amount", "shipping_amount", "tax_amount", "grand_amount", "customer", "address", "shipping_method", "access_token", "created_at", "updated_at", "customer_id", "coupons", "confirmed_at", "confirming_until", "payment_status", "fulfillment_status", "channel", "customer_group", "owner", "tax_included_amount", "shipping_tax_amount", "credited_amount", "shipping_credited_amount") VALUES (10, 'MC-VRE9H13ZGS', 'Ucdd4mriKTTMLGcRAdK3W09U0_kO9sp-', '9e75a464516c80238675979130ef82411db9d6759965c73d05971c25436df05f', 'pending', 'BRL', 9180, 0, 1590, 918, 11688, '{"name": "Ana", "email": "ana@example.com", "document": "529.982.247-25"}', '{"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}', 'pac', '4ImaIFP3ExJUfqB4l2JOT4nWfo8F1nRg', '2026-11-28 23:02:15.819481', '2026-11-28 23:02:15.819481', 1, '[]', NULL, NULL, 'pending', 'unfulfilled', 'default', NULL, NULL, 0, 0, 0, 0);
INSERT INTO "mc_order" ("id", "number", "cart_id", "quote_hash", "status", "currency", "items_amount", "discount_amount", "shipping_amount", "tax_amount", "grand_amount", "customer", "address", "shipping_method", "access_token", "created_at", "updated_at", "customer_id", "coupons", "confirmed_at", "confirming_until", "payment_status", "fulfillment_status", "channel", "customer_group", "owner", "tax_included_amount", "shipping_tax_amount", "credited_amount", "shipping_credited_amount") VALUES (11, 'MC-4N86B0DKDT', 'Ny6RTBj6NWKm6GGpjwoasOMsgHARfMww', 'c64f81d8c46f3b6266b6e2390bc8c2a481eb94987dc796e65af62164298fb6d1', 'completed', 'BRL', 25800, 0, 0, 2580, 28380, '{"name": "Ana", "email": "ana@example.com", "document": "529.982.247-25"}', '{"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}', 'pac', 'C9xYPMZ0TviJr_YXcAHy5zDADrHsoRBr', '2026-11-28 23:02:15.884549', '2026-11-28 23:02:15.957847', 1, '[]', NULL, NULL, 'paid', 'fulfilled', 'default', NULL, NULL, 0, 0, 0, 0);
INSERT INTO "mc_order" ("id", "number", "cart_id", "quote_hash", "status", "currency", "items_amount", "discount_amount", "shipping_amount", "tax_amount", "grand_amount", "customer", "address", "shipping_method", "access_token", "created_at", "updated_at", "customer_id", "coupons", "confirmed_at", "confirming_until", "payment_status", "fulfillment_status", "channel", "customer_group", "owner", "tax_included_amount", "shipping_tax_amount", "credited_amount", "shipping_credited_amount") VALUES (12, 'MC-TBMDZPW1H6', 'h63HbmDhfCqoJ_cSajZHOBkYc3DCeIiV', 'ed045bf4514b870adaf81cce86b83cf1ba2cc635cf9b99c1395faa061c6b03f0', 'placed', 'BRL', 9180, 0, 1590, 918, 11688, '{"name": "Bia", "email": "bia@example.com", "document": "529.982.247-25"}', '{"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}', 'pac', 'iYgKymVFTz5nLeNyC2ItAAre8JIgq2V-', '2026-11-28 23:02:16.017420', '2026-11-28 23:02:16.144531', 2, '[]', NULL, NULL, 'partially_refunded', 'unfulfilled', 'default', NULL, NULL, 0, 0, 1000, 0);
INSERT INTO "mc_order" ("id", "number", "cart_id", "quote_hash", "status", "currency", "items_amount", "discount_amount", "shipping_amount", "tax_amount", "grand_amount", "customer", "address", "shipping_method", "access_token", "created_at", "updated_at", "customer_id", "coupons", "confirmed_at", "confirming_until", "payment_status", "fulfillment_status", "channel", "customer_group", "owner", "tax_included_amount", "shipping_tax_amount", "credited_amount", "shipping_credited_amount") VALUES (13, 'MC-RJJNDCJTJ2', 'jkMupn52UddJ8OXD6QJqw0pRaQmOZBIb', '92ca37e32325c1d03feb93ca5395f52b6a4fb08656b561687c7fde89f8d1aeb9', 'cancelled', 'BRL', 9180, 0, 1590, 918, 11688, '{"name": "Ana", "email": "ana@example.com", "document": "529.982.247-25"}', '{"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}', 'pac', '9PAeOw8iddpE06wq2Zp7miK_BXiGRVo5', '2026-11-28 23:02:16.226066', '2026-11-28 23:02:16.374296', 1, '[]', NULL, NULL, 'refunded', 'unfulfilled', 'default', NULL, NULL, 0, 0, 0, 0);
INSERT INTO "mc_product" ("id", "key", "slug", "name", "sort_name", "description", "category_id", "active", "featured", "rating_hundredths", "search_title", "search_body", "content_hash", "created_at", "updated_at") VALUES (1, 'cafe-cerrado', 'cafe-cerrado', 'Café Cerrado', 'cafe cerrado', '', 2, 1, 0, NULL, ' cafe cerrad ', ' cafe cerrad gra mineir natural 250 1000 ', '3b1d0e85e7094cb5af5a70925b7e8a98bc73d3c1ae69179a50ac9b10d31755fd', '2026-11-28 23:02:14.186887', '2026-11-28 23:02:14.185596');
INSERT INTO "mc_product" ("id", "key", "slug", "name", "sort_name", "description", "category_id", "active", "featured", "rating_hundredths", "search_title", "search_body", "content_hash", "created_at", "updated_at") VALUES (2, 'prensa-francesa', 'prensa-francesa', 'Prensa francesa', 'prensa francesa', '', 3, 1, 0, NULL, ' prens frances ', ' prens frances equipament ', '33d214177e82c38f6054624579c4f57c627869877083bb8c0d970bcb9943fc4f', '2026-11-28 23:02:14.323942', '2026-11-28 23:02:14.323118');
INSERT INTO "mc_quote" ("hash", "cart_id", "content", "expires_at") VALUES ('0b129bbe38b93b61a108b1ae2229770e81ef04d91e6f60d40273a3744893b3ab', 'zglm5_kjx56XoJ5cfxzUQkGG3UnrWdDN', '{"lines": [["CERRADO-250", 2, 4590]], "address": {"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}, "shipping_method": "pac", "currency": "BRL", "items": 9180, "discount": 0, "shipping": 1590, "tax": 918, "grand": 11688}', '2026-11-28 23:32:14.000000');
INSERT INTO "mc_quote" ("hash", "cart_id", "content", "expires_at") VALUES ('63cd5a86ee55fc281b02f2716fde1d7823c334898e97baeacd67e9104a550c01', '_Hv-w3BRQ8L_RQHioGPX9rK7s0PO6Rqd', '{"lines": [["CERRADO-250", 2, 4590]], "address": {"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}, "shipping_method": "pac", "currency": "BRL", "items": 9180, "discount": 918, "shipping": 1590, "tax": 826, "grand": 10678}', '2026-11-28 23:32:14.000000');
INSERT INTO "mc_quote" ("hash", "cart_id", "content", "expires_at") VALUES ('cbaba1bf3895c39aea55aba3428e372bf6742d29a5441a262c5ddf0607c3f86b', 'P6nzJ4Kp2NR1fmSysu8O4q6XpbQLpo6t', '{"lines": [["CERRADO-250", 2, 4590]], "address": {"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}, "shipping_method": "pac", "currency": "BRL", "items": 9180, "discount": 0, "shipping": 1590, "tax": 918, "grand": 11688}', '2026-11-28 23:32:14.000000');
INSERT INTO "mc_quote" ("hash", "cart_id", "content", "expires_at") VALUES ('ec2420c859d4f19247bb19771670adf99f2f3d4716df8d6a516dcb80c5f19d3f', 'Af9dYEtVs9RCvbj5bDN8Fe_zgNqvMxAx', '{"lines": [["CERRADO-250", 2, 4590]], "address": {"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}, "shipping_method": "pac", "currency": "BRL", "items": 9180, "discount": 0, "shipping": 1590, "tax": 918, "grand": 11688}', '2026-11-28 23:32:15.000000');
INSERT INTO "mc_quote" ("hash", "cart_id", "content", "expires_at") VALUES ('6edb26124bff7622736fc4dc8325f181038491b2da6aa2135ee05ec9be1890f5', 'e8PzJekEr6HsyAeYY3duiphrESu4P2Id', '{"lines": [["CERRADO-250", 2, 4590]], "address": {"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}, "shipping_method": "pac", "currency": "BRL", "items": 9180, "discount": 0, "shipping": 1590, "tax": 918, "grand": 11688}', '2026-11-28 23:32:15.000000');
INSERT INTO "mc_quote" ("hash", "cart_id", "content", "expires_at") VALUES ('a73fe884ee151556a6a26ffeda19b438bb5763724c81138c6dbd8b875036b7a9', '8O2gJtRYKHMenQVify6FpsAQiRAU5y7Q', '{"lines": [["CERRADO-250", 2, 4590]], "address": {"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}, "shipping_method": "pac", "currency": "BRL", "items": 9180, "discount": 0, "shipping": 1590, "tax": 918, "grand": 11688}', '2026-11-28 23:32:15.000000');
INSERT INTO "mc_quote" ("hash", "cart_id", "content", "expires_at") VALUES ('8bb320e774ff16efb85964cfdf99710a06b56a21df9945e851c3d9222de8e7df', 'D-4eMTSGblnjy9tn4lipppYvrxwsI_wY', '{"lines": [["CERRADO-250", 2, 4590]], "address": {"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}, "shipping_method": "pac", "currency": "BRL", "items": 9180, "discount": 0, "shipping": 1590, "tax": 918, "grand": 11688}', '2026-11-28 23:32:15.000000');
INSERT INTO "mc_quote" ("hash", "cart_id", "content", "expires_at") VALUES ('ae2fba6c1867ac9bce0ce514fbf1d688370f47732ba6f014dd436221f11d9f83', 'XDVLnHmZ8mPWvvJWAfzQp-pUsOhKLSSs', '{"lines": [["CERRADO-250", 2, 4590]], "address": {"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}, "shipping_method": "pac", "currency": "BRL", "items": 9180, "discount": 0, "shipping": 1590, "tax": 918, "grand": 11688}', '2026-11-28 23:32:15.000000');
INSERT INTO "mc_quote" ("hash", "cart_id", "content", "expires_at") VALUES ('c619f7fc16df91ea6aedff144ac3370eb01f5c45f267549f32ee33f9991b3ab0', 'PwsV5mKhfwK8t8o9ssyO6LU2lh2LZPoj', '{"lines": [["CERRADO-250", 2, 4590]], "address": {"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}, "shipping_method": "pac", "currency": "BRL", "items": 9180, "discount": 0, "shipping": 1590, "tax": 918, "grand": 11688}', '2026-11-28 23:32:15.000000');
INSERT INTO "mc_quote" ("hash", "cart_id", "content", "expires_at") VALUES ('9e75a464516c80238675979130ef82411db9d6759965c73d05971c25436df05f', 'Ucdd4mriKTTMLGcRAdK3W09U0_kO9sp-', '{"lines": [["CERRADO-250", 2, 4590]], "address": {"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}, "shipping_method": "pac", "currency": "BRL", "items": 9180, "discount": 0, "shipping": 1590, "tax": 918, "grand": 11688}', '2026-11-28 23:32:15.000000');
INSERT INTO "mc_quote" ("hash", "cart_id", "content", "expires_at") VALUES ('c64f81d8c46f3b6266b6e2390bc8c2a481eb94987dc796e65af62164298fb6d1', 'Ny6RTBj6NWKm6GGpjwoasOMsgHARfMww', '{"lines": [["PRENSA", 2, 12900]], "address": {"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}, "shipping_method": "pac", "currency": "BRL", "items": 25800, "discount": 0, "shipping": 0, "tax": 2580, "grand": 28380}', '2026-11-28 23:32:15.000000');
INSERT INTO "mc_quote" ("hash", "cart_id", "content", "expires_at") VALUES ('ed045bf4514b870adaf81cce86b83cf1ba2cc635cf9b99c1395faa061c6b03f0', 'h63HbmDhfCqoJ_cSajZHOBkYc3DCeIiV', '{"lines": [["CERRADO-250", 2, 4590]], "address": {"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}, "shipping_method": "pac", "currency": "BRL", "items": 9180, "discount": 0, "shipping": 1590, "tax": 918, "grand": 11688}', '2026-11-28 23:32:15.000000');
INSERT INTO "mc_quote" ("hash", "cart_id", "content", "expires_at") VALUES ('92ca37e32325c1d03feb93ca5395f52b6a4fb08656b561687c7fde89f8d1aeb9', 'jkMupn52UddJ8OXD6QJqw0pRaQmOZBIb', '{"lines": [["CERRADO-250", 2, 4590]], "address": {"name": "Ana", "street": "Rua A", "number": "1", "complement": "", "district": "Centro", "city": "Patroc\u00ednio", "state": "MG", "postal_code": "38740-000", "country": "BR"}, "shipping_method": "pac", "currency": "BRL", "items": 9180, "discount": 0, "shipping": 1590, "tax": 918, "grand": 11688}', '2026-11-28 23:32:16.000000');
INSERT INTO "mc_attribute" ("id", "product_id", "name", "value", "name_folded", "value_folded", "position") VALUES (1, 1, 'processo', 'natural', 'processo', 'natural', 0);
INSERT INTO "mc_product_card" ("product_id", "currency", "price", "sku", "image", "in_stock") VALUES (1, 'BRL', 4590, 'CERRADO-250', NULL, 1);
INSERT INTO "mc_product_card" ("product_id", "currency", "price", "sku", "image", "in_stock") VALUES (2, 'BRL', 12900, 'PRENSA', NULL, 1);
INSERT INTO "mc_variant" ("id", "product_id", "sku", "name", "position", "weight_grams", "active", "tax_class", "digital", "length_mm", "width_mm", "height_mm") VALUES (1, 1, 'CERRADO-250', '250 g', 0, 0, 1, 'standard', 0, 0, 0, 0);
INSERT INTO "mc_variant" ("id", "product_id", "sku", "name", "position", "weight_grams", "active", "tax_class", "digital", "length_mm", "width_mm", "height_mm") VALUES (2, 1, 'CERRADO-1000', '1 kg', 1, 0, 1, 'standard', 0, 0, 0, 0);
INSERT INTO "mc_variant" ("id", "product_id", "sku", "name", "position", "weight_grams", "active", "tax_class", "digital", "length_mm", "width_mm", "height_mm") VALUES (3, 2, 'PRENSA', '600 ml', 0, 0, 1, 'standard', 0, 0, 0, 0);
INSERT INTO "mc_order_line" ("id", "order_id", "variant_id", "sku", "name", "quantity", "unit_price", "total", "discount_amount", "tax_amount", "tax_included_amount", "cancelled_quantity", "shipped_quantity", "returned_quantity", "credited_quantity", "attributes") VALUES (1, 1, 1, 'CERRADO-250', 'Café Cerrado – 250 g', 2, 4590, 9180, 0, 918, 0, 0, 0, 0, 0, '{}');
INSERT INTO "mc_order_line" ("id", "order_id", "variant_id", "sku", "name", "quantity", "unit_price", "total", "discount_amount", "tax_amount", "tax_included_amount", "cancelled_quantity", "shipped_quantity", "returned_quantity", "credited_quantity", "attributes") VALUES (2, 2, 1, 'CERRADO-250', 'Café Cerrado – 250 g', 2, 4590, 9180, 918, 826, 0, 0, 0, 0, 0, '{}');
INSERT INTO "mc_order_line" ("id", "order_id", "variant_id", "sku", "name", "quantity", "unit_price", "total", "discount_amount", "tax_amount", "tax_included_amount", "cancelled_quantity", "shipped_quantity", "returned_quantity", "credited_quantity", "attributes") VALUES (3, 3, 1, 'CERRADO-250', 'Café Cerrado – 250 g', 2, 4590, 9180, 0, 918, 0, 0, 0, 0, 0, '{}');
INSERT INTO "mc_order_line" ("id", "order_id", "variant_id", "sku", "name", "quantity", "unit_price", "total", "discount_amount", "tax_amount", "tax_included_amount", "cancelled_quantity", "shipped_quantity", "returned_quantity", "credited_quantity", "attributes") VALUES (4, 4, 1, 'CERRADO-250', 'Café Cerrado – 250 g', 2, 4590, 9180, 0, 918, 0, 0, 0, 0, 0, '{}');
INSERT INTO "mc_order_line" ("id", "order_id", "variant_id", "sku", "name", "quantity", "unit_price", "total", "discount_amount", "tax_amount", "tax_included_amount", "cancelled_quantity", "shipped_quantity", "returned_quantity", "credited_quantity", "attributes") VALUES (5, 5, 1, 'CERRADO-250', 'Café Cerrado – 250 g', 2, 4590, 9180, 0, 918, 0, 0, 0, 0, 0, '{}');
INSERT INTO "mc_order_line" ("id", "order_id", "variant_id", "sku", "name", "quantity", "unit_price", "total", "discount_amount", "tax_amount", "tax_included_amount", "cancelled_quantity", "shipped_quantity", "returned_quantity", "credited_quantity", "attributes") VALUES (6, 6, 1, 'CERRADO-250', 'Café Cerrado – 250 g', 2, 4590, 9180, 0, 918, 0, 0, 0, 0, 0, '{}');
INSERT INTO "mc_order_line" ("id", "order_id", "variant_id", "sku", "name", "quantity", "unit_price", "total", "discount_amount", "tax_amount", "tax_included_amount", "cancelled_quantity", "shipped_quantity", "returned_quantity", "credited_quantity", "attributes") VALUES (7, 7, 1, 'CERRADO-250', 'Café Cerrado – 250 g', 2, 4590, 9180, 0, 918, 0, 0, 0, 0, 0, '{}');
INSERT INTO "mc_order_line" ("id", "order_id", "variant_id", "sku", "name", "quantity", "unit_price", "total", "discount_amount", "tax_amount", "tax_included_amount", "cancelled_quantity", "shipped_quantity", "returned_quantity", "credited_quantity", "attributes") VALUES (8, 8, 1, 'CERRADO-250', 'Café Cerrado – 250 g', 2, 4590, 9180, 0, 918, 0, 0, 0, 0, 0, '{}');
INSERT INTO "mc_order_line" ("id", "order_id", "variant_id", "sku", "name", "quantity", "unit_price", "total", "discount_amount", "tax_amount", "tax_included_amount", "cancelled_quantity", "shipped_quantity", "returned_quantity", "credited_quantity", "attributes") VALUES (9, 9, 1, 'CERRADO-250', 'Café Cerrado – 250 g', 2, 4590, 9180, 0, 918, 0, 0, 0, 0, 0, '{}');
INSERT INTO "mc_order_line" ("id", "order_id", "variant_id", "sku", "name", "quantity", "unit_price", "total", "discount_amount", "tax_amount", "tax_included_amount", "cancelled_quantity", "shipped_quantity", "returned_quantity", "credited_quantity", "attributes") VALUES (10, 10, 1, 'CERRADO-250', 'Café Cerrado – 250 g', 2, 4590, 9180, 0, 918, 0, 0, 0, 0, 0, '{}');
INSERT INTO "mc_order_line" ("id", "order_id", "variant_id", "sku", "name", "quantity", "unit_price", "total", "discount_amount", "tax_amount", "tax_included_amount", "cancelled_quantity", "shipped_quantity", "returned_quantity", "credited_quantity", "attributes") VALUES (11, 11, 3, 'PRENSA', 'Prensa francesa – 600 ml', 2, 12900, 25800, 0, 2580, 0, 0, 2, 0, 0, '{}');
INSERT INTO "mc_order_line" ("id", "order_id", "variant_id", "sku", "name", "quantity", "unit_price", "total", "discount_amount", "tax_amount", "tax_included_amount", "cancelled_quantity", "shipped_quantity", "returned_quantity", "credited_quantity", "attributes") VALUES (12, 12, 1, 'CERRADO-250', 'Café Cerrado – 250 g', 2, 4590, 9180, 0, 918, 0, 0, 0, 0, 0, '{}');
INSERT INTO "mc_order_line" ("id", "order_id", "variant_id", "sku", "name", "quantity", "unit_price", "total", "discount_amount", "tax_amount", "tax_included_amount", "cancelled_quantity", "shipped_quantity", "returned_quantity", "credited_quantity", "attributes") VALUES (13, 13, 1, 'CERRADO-250', 'Café Cerrado – 250 g', 2, 4590, 9180, 0, 918, 0, 0, 0, 0, 0, '{}');
INSERT INTO "mc_price" ("variant_id", "currency", "amount", "floor") VALUES (1, 'BRL', 4590, 0);
INSERT INTO "mc_price" ("variant_id", "currency", "amount", "floor") VALUES (2, 'BRL', 15990, 0);
INSERT INTO "mc_price" ("variant_id", "currency", "amount", "floor") VALUES (3, 'BRL', 12900, 0);
INSERT INTO "mc_customer" ("id", "email", "name", "document", "token_hash", "created_at") VALUES (1, 'ana@example.com', 'Ana', '529.982.247-25', NULL, '2026-11-28 23:02:14.628452');
INSERT INTO "mc_customer" ("id", "email", "name", "document", "token_hash", "created_at") VALUES (2, 'bia@example.com', 'Bia', '529.982.247-25', NULL, '2026-11-28 23:02:14.858708');
INSERT INTO "mc_customer" ("id", "email", "name", "document", "token_hash", "created_at") VALUES (3, 'caio@example.com', 'Caio', '529.982.247-25', NULL, '2026-11-28 23:02:15.044461');
INSERT INTO "mc_customer" ("id", "email", "name", "document", "token_hash", "created_at") VALUES (4, 'duda@example.com', 'Duda', '529.982.247-25', NULL, '2026-11-28 23:02:15.739625');
INSERT INTO "mc_cart_coupon" ("id", "cart_id", "code") VALUES (1, '_Hv-w3BRQ8L_RQHioGPX9rK7s0PO6Rqd', 'CAFE10');
INSERT INTO "mc_refund" ("id", "payment_id", "order_number", "amount", "status", "idempotency_key", "leased_until", "created_at", "batch", "reason") VALUES ('ref_WqouD9am5EbIVIxMyVzM2851DbW9zGKe', 'pay_e16CMQLzFZzd5BIM9uYXmNqZ6VafKptP', 'MC-TBMDZPW1H6', 1000, 'refunded', 'r1', '2026-11-28 23:02:46.070012', '2026-11-28 23:02:16.081825', 'ref_WqouD9am5EbIVIxMyVzM2851DbW9zGKe', 'asked');
INSERT INTO "mc_refund" ("id", "payment_id", "order_number", "amount", "status", "idempotency_key", "leased_until", "created_at", "batch", "reason") VALUES ('ref_T6iOuFmIHkN76CZIt_4orrcYStzJBycS', 'pay_tA9Gi9v62aJem3RqLplSGywJW6sPeEmc', 'MC-RJJNDCJTJ2', 11688, 'refunded', 'r2', '2026-11-28 23:02:46.331441', '2026-11-28 23:02:16.345438', 'ref_T6iOuFmIHkN76CZIt_4orrcYStzJBycS', 'asked');
INSERT INTO "mc_search_word" ("word", "products") VALUES ('cafe', 1);
INSERT INTO "mc_search_word" ("word", "products") VALUES ('cerrado', 1);
INSERT INTO "mc_search_word" ("word", "products") VALUES ('graos', 1);
INSERT INTO "mc_search_word" ("word", "products") VALUES ('mineiro', 1);
INSERT INTO "mc_search_word" ("word", "products") VALUES ('natural', 1);
INSERT INTO "mc_search_word" ("word", "products") VALUES ('equipamentos', 1);
INSERT INTO "mc_search_word" ("word", "products") VALUES ('francesa', 1);
INSERT INTO "mc_search_word" ("word", "products") VALUES ('prensa', 1);
INSERT INTO "mc_search_form" ("form", "word") VALUES ('afe', 'cafe');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('cae', 'cafe');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('caf', 'cafe');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('cafe', 'cafe');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('cfe', 'cafe');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('cerado', 'cerrado');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('cerrad', 'cerrado');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('cerrado', 'cerrado');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('cerrao', 'cerrado');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('cerrdo', 'cerrado');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('crrado', 'cerrado');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('errado', 'cerrado');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('gaos', 'graos');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('grao', 'graos');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('graos', 'graos');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('gras', 'graos');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('gros', 'graos');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('raos', 'graos');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('ineiro', 'mineiro');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('mieiro', 'mineiro');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('mineio', 'mineiro');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('mineir', 'mineiro');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('mineiro', 'mineiro');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('minero', 'mineiro');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('miniro', 'mineiro');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('mneiro', 'mineiro');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('atural', 'natural');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('natral', 'natural');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('natual', 'natural');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('natura', 'natural');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('natural', 'natural');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('naturl', 'natural');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('naural', 'natural');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('ntural', 'natural');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('eqipamentos', 'equipamentos');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('equiamentos', 'equipamentos');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('equipaentos', 'equipamentos');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('equipamenos', 'equipamentos');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('equipamento', 'equipamentos');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('equipamentos', 'equipamentos');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('equipaments', 'equipamentos');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('equipametos', 'equipamentos');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('equipamntos', 'equipamentos');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('equipmentos', 'equipamentos');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('equpamentos', 'equipamentos');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('euipamentos', 'equipamentos');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('quipamentos', 'equipamentos');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('fancesa', 'francesa');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('fracesa', 'francesa');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('francea', 'francesa');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('frances', 'francesa');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('francesa', 'francesa');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('francsa', 'francesa');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('franesa', 'francesa');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('frncesa', 'francesa');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('rancesa', 'francesa');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('pensa', 'prensa');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('prena', 'prensa');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('prens', 'prensa');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('prensa', 'prensa');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('presa', 'prensa');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('prnsa', 'prensa');
INSERT INTO "mc_search_form" ("form", "word") VALUES ('rensa', 'prensa');
INSERT INTO "mc_rulebook" ("id", "stamp") VALUES (1, 'ufKW7IxkYqDE8o7Vh6pqgYbzhcnWpEgM');
INSERT INTO "mc_tax_rate" ("id", "name", "tax_class", "country", "region", "origin", "customer_type", "ppm", "mode", "informational", "compound", "position", "starts_at", "ends_at") VALUES (1, 'VAT', 'standard', '', '', '', '', 100000, 'exclusive', 0, 0, 0, '1970-01-01 00:00:00.000000', NULL);
INSERT INTO "mc_order_tax" ("id", "order_id", "line_id", "name", "ppm", "mode", "informational", "amount") VALUES (1, 1, 1, 'VAT', 100000, 'exclusive', 0, 918);
INSERT INTO "mc_order_tax" ("id", "order_id", "line_id", "name", "ppm", "mode", "informational", "amount") VALUES (2, 2, 2, 'VAT', 100000, 'exclusive', 0, 826);
INSERT INTO "mc_order_tax" ("id", "order_id", "line_id", "name", "ppm", "mode", "informational", "amount") VALUES (3, 3, 3, 'VAT', 100000, 'exclusive', 0, 918);
INSERT INTO "mc_order_tax" ("id", "order_id", "line_id", "name", "ppm", "mode", "informational", "amount") VALUES (4, 4, 4, 'VAT', 100000, 'exclusive', 0, 918);
INSERT INTO "mc_order_tax" ("id", "order_id", "line_id", "name", "ppm", "mode", "informational", "amount") VALUES (5, 5, 5, 'VAT', 100000, 'exclusive', 0, 918);
INSERT INTO "mc_order_tax" ("id", "order_id", "line_id", "name", "ppm", "mode", "informational", "amount") VALUES (6, 6, 6, 'VAT', 100000, 'exclusive', 0, 918);
INSERT INTO "mc_order_tax" ("id", "order_id", "line_id", "name", "ppm", "mode", "informational", "amount") VALUES (7, 7, 7, 'VAT', 100000, 'exclusive', 0, 918);
INSERT INTO "mc_order_tax" ("id", "order_id", "line_id", "name", "ppm", "mode", "informational", "amount") VALUES (8, 8, 8, 'VAT', 100000, 'exclusive', 0, 918);
INSERT INTO "mc_order_tax" ("id", "order_id", "line_id", "name", "ppm", "mode", "informational", "amount") VALUES (9, 9, 9, 'VAT', 100000, 'exclusive', 0, 918);
INSERT INTO "mc_order_tax" ("id", "order_id", "line_id", "name", "ppm", "mode", "informational", "amount") VALUES (10, 10, 10, 'VAT', 100000, 'exclusive', 0, 918);
INSERT INTO "mc_order_tax" ("id", "order_id", "line_id", "name", "ppm", "mode", "informational", "amount") VALUES (11, 11, 11, 'VAT', 100000, 'exclusive', 0, 2580);
INSERT INTO "mc_order_tax" ("id", "order_id", "line_id", "name", "ppm", "mode", "informational", "amount") VALUES (12, 12, 12, 'VAT', 100000, 'exclusive', 0, 918);
INSERT INTO "mc_order_tax" ("id", "order_id", "line_id", "name", "ppm", "mode", "informational", "amount") VALUES (13, 13, 13, 'VAT', 100000, 'exclusive', 0, 918);
INSERT INTO "mc_promotion" ("id", "key", "name", "kind", "definition", "currency", "starts_at", "ends_at", "active", "needs_code", "reusable", "most_uses", "most_uses_per_customer", "budget", "uses", "spent", "created_at", "updated_at") VALUES (1, 'coupon:CAFE10', 'CAFE10', 'cart', '{"conditions": [], "actions": [{"type": "percent", "percent": 10.0}]}', 'BRL', NULL, NULL, 1, 1, 1, NULL, NULL, NULL, 0, 0, '2026-11-28 23:02:14.381711', '2026-11-28 23:02:14.381711');
INSERT INTO "mc_promotion_code" ("code", "promotion_id", "most_uses", "uses", "created_at") VALUES ('CAFE10', 1, NULL, 1, '2026-11-28 23:02:14.414098');
INSERT INTO "mc_promotion_use" ("id", "order_number", "promotion_id", "code", "customer", "amount", "state", "created_at") VALUES (1, 'MC-TDPYDKRW3M', 1, 'CAFE10', '2', 918, 'taken', '2026-11-28 23:02:14.860176');
INSERT INTO "mc_location" ("id", "code", "name", "priority") VALUES (1, 'default', '', 0);
INSERT INTO "mc_stock_level" ("variant_id", "sku", "on_hand", "allocated", "reserved", "backorder_limit", "low_at", "expected_on", "spread", "by_lot") VALUES (1, 'CERRADO-250', 50, 20, 0, 0, NULL, NULL, 0, 0);
INSERT INTO "mc_stock_level" ("variant_id", "sku", "on_hand", "allocated", "reserved", "backorder_limit", "low_at", "expected_on", "spread", "by_lot") VALUES (2, 'CERRADO-1000', 9, 0, 0, 0, NULL, NULL, 0, 0);
INSERT INTO "mc_stock_level" ("variant_id", "sku", "on_hand", "allocated", "reserved", "backorder_limit", "low_at", "expected_on", "spread", "by_lot") VALUES (3, 'PRENSA', 18, 0, 0, 0, NULL, NULL, 0, 0);
INSERT INTO "mc_stock_movement" ("id", "variant_id", "kind", "on_hand", "allocated", "reference", "created_at", "location_id", "lot_id", "reserved", "reason") VALUES (1, 1, 'open', 50, 0, '', '2026-11-28 23:02:14.255044', 1, NULL, 0, '');
INSERT INTO "mc_stock_movement" ("id", "variant_id", "kind", "on_hand", "allocated", "reference", "created_at", "location_id", "lot_id", "reserved", "reason") VALUES (2, 2, 'open', 9, 0, '', '2026-11-28 23:02:14.255044', 1, NULL, 0, '');
INSERT INTO "mc_stock_movement" ("id", "variant_id", "kind", "on_hand", "allocated", "reference", "created_at", "location_id", "lot_id", "reserved", "reason") VALUES (3, 3, 'open', 20, 0, '', '2026-11-28 23:02:14.353407', 1, NULL, 0, '');
INSERT INTO "mc_stock_movement" ("id", "variant_id", "kind", "on_hand", "allocated", "reference", "created_at", "location_id", "lot_id", "reserved", "reason") VALUES (4, 1, 'allocate', 0, 2, 'MC-6C3ZVYN89H', '2026-11-28 23:02:14.600040', 1, NULL, 0, '');
INSERT INTO "mc_stock_movement" ("id", "variant_id", "kind", "on_hand", "allocated", "reference", "created_at", "location_id", "lot_id", "reserved", "reason") VALUES (5, 1, 'allocate', 0, 2, 'MC-TDPYDKRW3M', '2026-11-28 23:02:14.857641', 1, NULL, 0, '');
INSERT INTO "mc_stock_movement" ("id", "variant_id", "kind", "on_hand", "allocated", "reference", "created_at", "location_id", "lot_id", "reserved", "reason") VALUES (6, 1, 'allocate', 0, 2, 'MC-MCBYJKBWYS', '2026-11-28 23:02:14.958690', 1, NULL, 0, '');
INSERT INTO "mc_stock_movement" ("id", "variant_id", "kind", "on_hand", "allocated", "reference", "created_at", "location_id", "lot_id", "reserved", "reason") VALUES (7, 1, 'allocate', 0, 2, 'MC-WXZ3F3SZJ0', '2026-11-28 23:02:15.043643', 1, NULL, 0, '');
INSERT INTO "mc_stock_movement" ("id", "variant_id", "kind", "on_hand", "allocated", "reference", "created_at", "location_id", "lot_id", "reserved", "reason") VALUES (8, 1, 'allocate', 0, 2, 'MC-9T4SC0AS5R', '2026-11-28 23:02:15.238862', 1, NULL, 0, '');
INSERT INTO "mc_stock_movement" ("id", "variant_id", "kind", "on_hand", "allocated", "reference", "created_at", "location_id", "lot_id", "reserved", "reason") VALUES (9, 1, 'allocate', 0, 2, 'MC-884B60Z73M', '2026-11-28 23:02:15.409917', 1, NULL, 0, '');
INSERT INTO "mc_stock_movement" ("id", "variant_id", "kind", "on_hand", "allocated", "reference", "created_at", "location_id", "lot_id", "reserved", "reason") VALUES (10, 1, 'release', 0, -2, 'MC-884B60Z73M', '2026-11-28 23:02:15.454641', 1, NULL, 0, '');
INSERT INTO "mc_stock_movement" ("id", "variant_id", "kind", "on_hand", "allocated", "reference", "created_at", "location_id", "lot_id", "reserved", "reason") VALUES (11, 1, 'allocate', 0, 2, 'MC-D2KGV82590', '2026-11-28 23:02:15.570661', 1, NULL, 0, '');
INSERT INTO "mc_stock_movement" ("id", "variant_id", "kind", "on_hand", "allocated", "reference", "created_at", "location_id", "lot_id", "reserved", "reason") VALUES (12, 1, 'allocate', 0, 2, 'MC-HXE47B2ZNC', '2026-11-28 23:02:15.656960', 1, NULL, 0, '');
INSERT INTO "mc_stock_movement" ("id", "variant_id", "kind", "on_hand", "allocated", "reference", "created_at", "location_id", "lot_id", "reserved", "reason") VALUES (13, 1, 'allocate', 0, 2, 'MC-R1JRPNJ9F1', '2026-11-28 23:02:15.738394', 1, NULL, 0, '');
INSERT INTO "mc_stock_movement" ("id", "variant_id", "kind", "on_hand", "allocated", "reference", "created_at", "location_id", "lot_id", "reserved", "reason") VALUES (14, 1, 'allocate', 0, 2, 'MC-VRE9H13ZGS', '2026-11-28 23:02:15.819644', 1, NULL, 0, '');
INSERT INTO "mc_stock_movement" ("id", "variant_id", "kind", "on_hand", "allocated", "reference", "created_at", "location_id", "lot_id", "reserved", "reason") VALUES (15, 3, 'allocate', 0, 2, 'MC-4N86B0DKDT', '2026-11-28 23:02:15.890547', 1, NULL, 0, '');
INSERT INTO "mc_stock_movement" ("id", "variant_id", "kind", "on_hand", "allocated", "reference", "created_at", "location_id", "lot_id", "reserved", "reason") VALUES (16, 3, 'ship', -2, -2, 'MC-4N86B0DKDT', '2026-11-28 23:02:15.940434', 1, NULL, 0, '');
INSERT INTO "mc_stock_movement" ("id", "variant_id", "kind", "on_hand", "allocated", "reference", "created_at", "location_id", "lot_id", "reserved", "reason") VALUES (17, 1, 'allocate', 0, 2, 'MC-TBMDZPW1H6', '2026-11-28 23:02:16.017519', 1, NULL, 0, '');
INSERT INTO "mc_stock_movement" ("id", "variant_id", "kind", "on_hand", "allocated", "reference", "created_at", "location_id", "lot_id", "reserved", "reason") VALUES (18, 1, 'allocate', 0, 2, 'MC-RJJNDCJTJ2', '2026-11-28 23:02:16.226186', 1, NULL, 0, '');
INSERT INTO "mc_stock_movement" ("id", "variant_id", "kind", "on_hand", "allocated", "reference", "created_at", "location_id", "lot_id", "reserved", "reason") VALUES (19, 1, 'release', 0, -2, 'MC-RJJNDCJTJ2', '2026-11-28 23:02:16.283286', 1, NULL, 0, '');
INSERT INTO "mc_payment_operation" ("id", "payment_id", "order_number", "kind", "amount", "final", "status", "idempotency_key", "leased_until", "created_at") VALUES ('cap_OjFPPXfvtwF8Fc5qj-BInlNCYI99n2ZS', 'pay_bzwjMPsnwJRK2k704x9VdOoQ7wYX0aF-', 'MC-WXZ3F3SZJ0', 'capture', 11688, 0, 'done', NULL, '2026-11-28 23:02:45.093002', '2026-11-28 23:02:15.111748');
INSERT INTO "mc_payment_operation" ("id", "payment_id", "order_number", "kind", "amount", "final", "status", "idempotency_key", "leased_until", "created_at") VALUES ('voi_hYNBHlkDsmpZAmFbmWoKpTOYrrZSFNM6', 'pay__vtinmM6HKM6rrrQRddYwke7WOhC2Xk1', 'MC-9T4SC0AS5R', 'void', 11688, 0, 'done', NULL, '2026-11-28 23:02:45.289954', '2026-11-28 23:02:15.291305');
INSERT INTO "mc_order_credit" ("id", "order_id", "line_id", "kind", "pieces", "amount", "reference", "created_at") VALUES (1, 12, NULL, 'goodwill', 0, 1000, 'ref_WqouD9am5EbIVIxMyVzM2851DbW9zGKe', '2026-11-28 23:02:16.143309');
INSERT INTO "mc_shipment" ("id", "order_id", "tracking", "carrier", "created_at", "delivered_at") VALUES (1, 11, '', '', '2026-11-28 23:02:15.940383', NULL);
INSERT INTO "mc_shipment_line" ("shipment_id", "line_id", "quantity") VALUES (1, 11, 2);
INSERT INTO "mc_cart_line" ("id", "cart_id", "variant_id", "quantity", "attributes", "attributes_key") VALUES (1, 'zglm5_kjx56XoJ5cfxzUQkGG3UnrWdDN', 1, 2, '{}', '');
INSERT INTO "mc_cart_line" ("id", "cart_id", "variant_id", "quantity", "attributes", "attributes_key") VALUES (2, '_Hv-w3BRQ8L_RQHioGPX9rK7s0PO6Rqd', 1, 2, '{}', '');
INSERT INTO "mc_cart_line" ("id", "cart_id", "variant_id", "quantity", "attributes", "attributes_key") VALUES (3, 'P6nzJ4Kp2NR1fmSysu8O4q6XpbQLpo6t', 1, 2, '{}', '');
INSERT INTO "mc_cart_line" ("id", "cart_id", "variant_id", "quantity", "attributes", "attributes_key") VALUES (4, 'Af9dYEtVs9RCvbj5bDN8Fe_zgNqvMxAx', 1, 2, '{}', '');
INSERT INTO "mc_cart_line" ("id", "cart_id", "variant_id", "quantity", "attributes", "attributes_key") VALUES (5, 'e8PzJekEr6HsyAeYY3duiphrESu4P2Id', 1, 2, '{}', '');
INSERT INTO "mc_cart_line" ("id", "cart_id", "variant_id", "quantity", "attributes", "attributes_key") VALUES (6, '8O2gJtRYKHMenQVify6FpsAQiRAU5y7Q', 1, 2, '{}', '');
INSERT INTO "mc_cart_line" ("id", "cart_id", "variant_id", "quantity", "attributes", "attributes_key") VALUES (7, 'D-4eMTSGblnjy9tn4lipppYvrxwsI_wY', 1, 2, '{}', '');
INSERT INTO "mc_cart_line" ("id", "cart_id", "variant_id", "quantity", "attributes", "attributes_key") VALUES (8, 'XDVLnHmZ8mPWvvJWAfzQp-pUsOhKLSSs', 1, 2, '{}', '');
INSERT INTO "mc_cart_line" ("id", "cart_id", "variant_id", "quantity", "attributes", "attributes_key") VALUES (9, 'PwsV5mKhfwK8t8o9ssyO6LU2lh2LZPoj', 1, 2, '{}', '');
INSERT INTO "mc_cart_line" ("id", "cart_id", "variant_id", "quantity", "attributes", "attributes_key") VALUES (10, 'Ucdd4mriKTTMLGcRAdK3W09U0_kO9sp-', 1, 2, '{}', '');
INSERT INTO "mc_cart_line" ("id", "cart_id", "variant_id", "quantity", "attributes", "attributes_key") VALUES (11, 'Ny6RTBj6NWKm6GGpjwoasOMsgHARfMww', 3, 2, '{}', '');
INSERT INTO "mc_cart_line" ("id", "cart_id", "variant_id", "quantity", "attributes", "attributes_key") VALUES (12, 'h63HbmDhfCqoJ_cSajZHOBkYc3DCeIiV', 1, 2, '{}', '');
INSERT INTO "mc_cart_line" ("id", "cart_id", "variant_id", "quantity", "attributes", "attributes_key") VALUES (13, 'jkMupn52UddJ8OXD6QJqw0pRaQmOZBIb', 1, 2, '{}', '');
INSERT INTO "mc_cart_line" ("id", "cart_id", "variant_id", "quantity", "attributes", "attributes_key") VALUES (14, 'WjfYVbr7pi0DFW-fsHr-0DHrhQcbj_yL', 3, 1, '{}', '');
CREATE INDEX ix_mc_category_parent_id ON mc_category (parent_id);
CREATE INDEX ix_mc_idempotency_created_at ON mc_idempotency (created_at);
CREATE INDEX ix_mc_outbox_delivered_at_id ON mc_outbox (delivered_at, id);
CREATE INDEX ix_mc_payment_order_number ON mc_payment (order_number);
CREATE INDEX ix_mc_payment_event_payment_id ON mc_payment_event (payment_id);
CREATE INDEX ix_mc_order_cart_id ON mc_order (cart_id);
CREATE INDEX ix_mc_product_active_id ON mc_product (active, id);
CREATE INDEX ix_mc_product_category_id ON mc_product (category_id);
CREATE INDEX ix_mc_product_featured ON mc_product (featured, id);
CREATE INDEX ix_mc_quote_cart_id ON mc_quote (cart_id);
CREATE INDEX ix_mc_attribute_name_value ON mc_attribute (name_folded, value_folded, product_id);
CREATE INDEX ix_mc_image_product_id ON mc_image (product_id);
CREATE INDEX ix_mc_product_card_price ON mc_product_card (currency, price, product_id);
CREATE INDEX ix_mc_variant_product_id ON mc_variant (product_id);
CREATE UNIQUE INDEX uq_mc_cart_coupon_cart_id_code ON mc_cart_coupon (cart_id, code);
CREATE INDEX ix_mc_refund_payment_id ON mc_refund (payment_id);
CREATE INDEX ix_mc_refund_status_leased_until ON mc_refund (status, leased_until);
CREATE UNIQUE INDEX uq_mc_refund_order_number_idempotency_key ON mc_refund (order_number, idempotency_key);
CREATE INDEX ix_mc_order_customer_id ON mc_order (customer_id, id);
CREATE INDEX ix_mc_order_unconfirmed ON mc_order (updated_at) WHERE confirmed_at IS NULL AND status = 'placed';
CREATE INDEX ix_mc_product_sort_name ON mc_product (sort_name, id);
CREATE TRIGGER mc_product_search_insert AFTER INSERT ON mc_product BEGIN
        INSERT INTO mc_search_document (rowid, search_title, search_body)
        VALUES (new.id, new.search_title, new.search_body);
    END;
CREATE TRIGGER mc_product_search_update AFTER UPDATE OF search_title, search_body ON mc_product BEGIN
        INSERT INTO mc_search_document (mc_search_document, rowid, search_title, search_body)
        VALUES ('delete', old.id, old.search_title, old.search_body);
        INSERT INTO mc_search_document (rowid, search_title, search_body)
        VALUES (new.id, new.search_title, new.search_body);
    END;
CREATE TRIGGER mc_product_search_delete AFTER DELETE ON mc_product BEGIN
        INSERT INTO mc_search_document (mc_search_document, rowid, search_title, search_body)
        VALUES ('delete', old.id, old.search_title, old.search_body);
    END;
CREATE INDEX ix_mc_job_status_leased_until ON mc_job (status, leased_until);
CREATE INDEX ix_mc_job_finished_at ON mc_job (finished_at);
CREATE INDEX ix_mc_order_figures ON mc_order (created_at, currency, status, payment_status, grand_amount, customer_id, number, id);
CREATE INDEX ix_mc_order_line_figures ON mc_order_line (order_id, variant_id, quantity, total);
CREATE INDEX ix_mc_cart_updated_at ON mc_cart (updated_at, status);
CREATE INDEX ix_mc_order_tax_order_id ON mc_order_tax (order_id, line_id);
CREATE INDEX ix_mc_special_price_variant_id ON mc_special_price (variant_id, currency);
CREATE INDEX ix_mc_special_price_list_id ON mc_special_price (list_id);
CREATE INDEX ix_mc_promotion_code_promotion_id ON mc_promotion_code (promotion_id, code);
CREATE INDEX ix_mc_promotion_use_promotion_id ON mc_promotion_use (promotion_id, state);
CREATE INDEX ix_mc_promotion_use_code ON mc_promotion_use (code, state);
CREATE INDEX ix_mc_promotion_customer_customer ON mc_promotion_customer (customer);
CREATE INDEX ix_mc_stock_lot_best_before ON mc_stock_lot (best_before) WHERE on_hand > 0;
CREATE INDEX ix_mc_stock_movement_variant_id ON mc_stock_movement (variant_id, id);
CREATE INDEX ix_mc_stock_reservation_owner ON mc_stock_reservation (owner, id);
CREATE UNIQUE INDEX uq_mc_stock_reservation_active ON mc_stock_reservation (owner, variant_id, location_id) WHERE state = 'active';
CREATE INDEX ix_mc_stock_reservation_variant ON mc_stock_reservation (variant_id) WHERE state = 'active';
CREATE INDEX ix_mc_stock_reservation_due ON mc_stock_reservation (expires_at) WHERE state = 'active';
CREATE INDEX ix_mc_stock_movement_reference ON mc_stock_movement (reference) WHERE reference <> '';
CREATE INDEX ix_mc_stock_movement_lot_id ON mc_stock_movement (lot_id) WHERE lot_id IS NOT NULL;
CREATE INDEX ix_mc_payment_status_leased_until ON mc_payment (status, leased_until);
CREATE INDEX ix_mc_payment_created_at ON mc_payment (created_at, status);
CREATE INDEX ix_mc_payment_event_parked ON mc_payment_event (id) WHERE state = 'parked';
CREATE INDEX ix_mc_refund_batch ON mc_refund (batch);
CREATE INDEX ix_mc_payment_operation_payment_id ON mc_payment_operation (payment_id);
CREATE INDEX ix_mc_payment_operation_order_number ON mc_payment_operation (order_number);
CREATE INDEX ix_mc_payment_operation_status_leased_until ON mc_payment_operation (status, leased_until);
CREATE UNIQUE INDEX uq_mc_account_customer_id_kind_currency ON mc_account (customer_id, kind, currency);
CREATE INDEX ix_mc_account_entry_account_id ON mc_account_entry (account_id, id);
CREATE UNIQUE INDEX uq_mc_account_entry_account_id_idempotency_key ON mc_account_entry (account_id, idempotency_key);
CREATE INDEX ix_mc_order_credit_order_id ON mc_order_credit (order_id);
CREATE INDEX ix_mc_shipment_order_id ON mc_shipment (order_id);
CREATE INDEX ix_mc_shipment_line_line_id ON mc_shipment_line (line_id);
CREATE INDEX ix_mc_order_change_order_id ON mc_order_change (order_id);
CREATE UNIQUE INDEX uq_mc_order_change_open ON mc_order_change (order_id) WHERE status = 'open';
CREATE INDEX ix_mc_order_change_step_change_id ON mc_order_change_step (change_id);
CREATE INDEX ix_mc_order_return_order_id ON mc_order_return (order_id);
CREATE INDEX ix_mc_order_return_line_line_id ON mc_order_return_line (line_id);
CREATE INDEX ix_mc_quote_expires_at ON mc_quote (expires_at);
CREATE INDEX ix_mc_cart_owner ON mc_cart (owner, channel, updated_at);
INSERT INTO mc_search_document (mc_search_document) VALUES ('rebuild');

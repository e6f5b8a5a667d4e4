-- What somebody paid for or subscribes to only the platform writes; whose it is reads it. docs/decisions/row-level-security.md
-- depends: 0024_slow_mode_on_any_clock
-- contracts: services of the release before wrote these rows as the person themselves

-- Tables are taken one after another while others use them: give way sooner than PostgreSQL looks for deadlocks.
SET LOCAL lock_timeout = '400ms';

ALTER POLICY subscriptions_begin ON subscriptions WITH CHECK ((SELECT acts_for_all()));
ALTER POLICY subscriptions_change ON subscriptions USING ((SELECT acts_for_all()));
DROP POLICY coin_purchases_own ON coin_purchases;
CREATE POLICY coin_purchases_read ON coin_purchases FOR SELECT
    USING (user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
CREATE POLICY coin_purchases_begin ON coin_purchases FOR INSERT WITH CHECK ((SELECT acts_for_all()));
CREATE POLICY coin_purchases_change ON coin_purchases FOR UPDATE USING ((SELECT acts_for_all()));
ALTER POLICY gift_transactions_give ON gift_transactions WITH CHECK ((SELECT acts_for_all()));
ALTER POLICY marketplace_purchases_buy ON marketplace_purchases WITH CHECK ((SELECT acts_for_all()));
ALTER POLICY payouts_ask ON payouts WITH CHECK ((SELECT acts_for_all()));

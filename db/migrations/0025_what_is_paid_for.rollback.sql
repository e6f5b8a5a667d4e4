ALTER POLICY payouts_ask ON payouts
    WITH CHECK (user_id = (SELECT acting_user_id()) AND status = 'pending' OR (SELECT acts_for_all()));
ALTER POLICY marketplace_purchases_buy ON marketplace_purchases
    WITH CHECK (buyer_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
ALTER POLICY gift_transactions_give ON gift_transactions
    WITH CHECK (sender_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
DROP POLICY coin_purchases_change ON coin_purchases;
DROP POLICY coin_purchases_begin ON coin_purchases;
DROP POLICY coin_purchases_read ON coin_purchases;
CREATE POLICY coin_purchases_own ON coin_purchases
    USING (user_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
ALTER POLICY subscriptions_change ON subscriptions
    USING (subscriber_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));
ALTER POLICY subscriptions_begin ON subscriptions
    WITH CHECK (subscriber_id = (SELECT acting_user_id()) OR (SELECT acts_for_all()));

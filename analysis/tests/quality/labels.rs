//! The datasets' labels, and the default taxonomy's topics that are right for each.

/// Topics that are right for a dataset's label; empty if the taxonomy makes no claim.
pub(crate) fn topics_of(label: &str) -> &'static [&'static str] {
    match label {
        // sgd, multiwoz, x_risawoz, crosswoz, woz2, taskmaster, ccpe: domains
        "Alarm" | "Calendar" => &["Calendar & reminders"],
        "Banks" => &["Account balance & transactions", "Money transfer"],
        "Payment" => &["Money transfer", "Billing & payments"],
        "Buses" | "Trains" | "Train" | "火车" | "地铁" => &["Train & bus tickets"],
        "Events" => &["Events & tickets"],
        "Flights" | "Flight" | "飞机" => &["Flight booking", "Seats, check-in & baggage"],
        "Homes" => &["Homes & apartments"],
        "Hotels" | "Hotel" | "酒店" => &["Hotel booking"],
        "Media" | "Movies" | "Movie" | "TV" | "电影" | "电视剧" | "movie_tickets" | "movies" => {
            &["Movies & TV"]
        }
        "Messaging" => &["Messages & location"],
        "Music" => &["Music"],
        "RentalCars" => &["Car rental"],
        "Restaurants" | "Restaurant" | "餐厅" | "餐馆" | "restaurant" => &["Restaurant booking"],
        "RideSharing" | "Taxi" | "出租" => &["Taxi & rides"],
        "Services" => &["Appointments"],
        "Travel" | "Attraction" | "旅游景点" | "景点" => &["Attractions & sightseeing"],
        "Weather" | "天气" => &["Weather"],
        "Car" | "汽车" => &["Cars"],
        "PC" | "电脑" => &["Computers & electronics shopping"],
        "Class" | "辅导班" => &["Courses & classes"],
        "Hospital" | "医院" => &["Health & hospital"],
        "Police" => &["Emergency & police"],
        "Coffee" | "coffee" => &["Food & drink order"],
        // multidogo: topics
        "orderpizzaintent"
        | "orderburgerintent"
        | "orderdrinkintent"
        | "ordersaladintent"
        | "orderdessertintent"
        | "orderbreakfastintent"
        | "ordersideintent" => &["Food & drink order"],
        "startorder" => &["Placing an order", "Product information"],
        "changeorder" | "stoporder" => &["Order changes & cancellation", "Food & drink order"],
        "startserviceintent" => &["Internet, TV & phone service", "Subscription & plan"],
        "upgradeserviceintent" | "cancelserviceintent" | "transferserviceintent" | "viewdatausageintent" => {
            &["Subscription & plan", "Internet, TV & phone service"]
        }
        "getproofofinsurance" => &["Insurance policy & documents"],
        "checkclaimstatus" => &["Insurance claim"],
        "changeseatassignment" | "getboardingpass" | "getseatinfo" => &["Seats, check-in & baggage"],
        "bookflight" => &["Flight booking"],
        "reportlostcard" => &["Lost or stolen card"],
        "replacecard" => &["New card & card delivery", "Lost or stolen card"],
        "reportbrokenphone" => &["Device problems"],
        "reportbrokensoftware" => &["Software problems"],
        "softwareupdate" => &["Software update & installation"],
        "checkserverstatus" => &["Server & system status"],
        "expensereport" => &["Expenses & reimbursement"],
        "checkbalance" => &["Account balance & transactions"],
        "updateaddress" | "updateaccountinfo" => &["Account details"],
        "disputecharge" => &["Disputed charges & fraud", "Billing & payments"],
        "transfermoney" => &["Money transfer"],
        "getroutingnumber" => &["Money transfer", "Account balance & transactions"],
        "viewbillsintent" | "providereceipt" => &["Billing & payments"],
        "closeaccount" | "openaccount" => &["Opening & closing an account"],
        "checkoffereligibility" | "getpromotions" => &["Offers & discounts"],
        "orderchecks" => &["New card & card delivery"],
        // abcd
        "return_size" => &["Returns & exchanges"],
        "refund_status" => &["Refund"],
        _ => banking_topics(label),
    }
}

/// banking77: intents of a single question.
fn banking_topics(label: &str) -> &'static [&'static str] {
    match label {
        "card_payment_fee_charged"
        | "cash_withdrawal_charge"
        | "transfer_fee_charged"
        | "top_up_by_card_charge"
        | "top_up_by_bank_transfer_charge" => {
            &["Fees & limits", "Money transfer", "Top-up", "Cash withdrawal & ATM"]
        }
        "extra_charge_on_statement" => &["Fees & limits", "Billing & payments", "Disputed charges & fraud"],
        "disposable_card_limits" => &["Fees & limits", "New card & card delivery"],
        "top_up_limits" => &["Fees & limits", "Top-up"],
        "exchange_charge" => &["Currency exchange", "Fees & limits"],
        "card_payment_wrong_exchange_rate"
        | "exchange_rate"
        | "exchange_via_app"
        | "fiat_currency_support" => &["Currency exchange"],
        "wrong_exchange_rate_for_cash_withdrawal" => &["Currency exchange", "Cash withdrawal & ATM"],
        "supported_cards_and_currencies" => {
            &["Currency exchange", "Top-up", "Card problems", "New card & card delivery"]
        }
        "direct_debit_payment_not_recognised" | "card_payment_not_recognised" => {
            &["Disputed charges & fraud", "Billing & payments"]
        }
        "cash_withdrawal_not_recognised" => &["Disputed charges & fraud", "Cash withdrawal & ATM"],
        "transaction_charged_twice" => &["Billing & payments", "Disputed charges & fraud"],
        "compromised_card" => &["Lost or stolen card", "Disputed charges & fraud"],
        "wrong_amount_of_cash_received"
        | "declined_cash_withdrawal"
        | "pending_cash_withdrawal"
        | "atm_support" => &["Cash withdrawal & ATM"],
        "transfer_not_received_by_recipient"
        | "cancel_transfer"
        | "beneficiary_not_allowed"
        | "pending_transfer"
        | "failed_transfer"
        | "declined_transfer"
        | "transfer_timing"
        | "transfer_into_account"
        | "receiving_money" => &["Money transfer"],
        "balance_not_updated_after_bank_transfer" => &["Money transfer", "Account balance & transactions"],
        "balance_not_updated_after_cheque_or_cash_deposit"
        | "reverted_card_payment?"
        | "pending_card_payment" => &["Account balance & transactions", "Billing & payments"],
        "request_refund" => &["Refund", "Returns & exchanges", "Order changes & cancellation"],
        "Refund_not_showing_up" => &["Refund"],
        "pending_top_up"
        | "top_up_reverted"
        | "top_up_failed"
        | "automatic_top_up"
        | "verify_top_up"
        | "top_up_by_cash_or_cheque"
        | "topping_up_by_card" => &["Top-up"],
        "activate_my_card"
        | "declined_card_payment"
        | "card_linking"
        | "change_pin"
        | "pin_blocked"
        | "card_not_working"
        | "apple_pay_or_google_pay"
        | "card_acceptance"
        | "virtual_card_not_working"
        | "contactless_not_working" => &["Card problems"],
        "card_arrival"
        | "getting_spare_card"
        | "card_about_to_expire"
        | "order_physical_card"
        | "card_delivery_estimate"
        | "getting_virtual_card"
        | "get_disposable_virtual_card"
        | "visa_or_mastercard" => &["New card & card delivery"],
        // The questions with this label ask for the PIN.
        "get_physical_card" => &["New card & card delivery", "Card problems"],
        "lost_or_stolen_phone" | "lost_or_stolen_card" | "card_swallowed" => &["Lost or stolen card"],
        "country_support" | "age_limit" | "terminate_account" => &["Opening & closing an account"],
        "edit_personal_details" => &["Account details"],
        "why_verify_identity"
        | "verify_source_of_funds"
        | "verify_my_identity"
        | "unable_to_verify_identity" => &["Identity verification"],
        "passcode_forgotten" => &["Account access"],
        _ => &[],
    }
}

/**
 * The synced types and fields, by NetSuite's names. Written by `npm run surface` from config/sync.toml: change that,
 * not this.
 *
 * @NApiVersion 2.1
 */
define([], () => ({
    "customer": {
        "type": "customer",
        "fields": [
            "companyname",
            "email",
            "phone",
            "comments",
            "creditlimit",
            "custentity_tags",
            "isinactive",
            "parent",
            "addr1",
            "city",
            "state",
            "zip",
            "country"
        ],
        "sublists": []
    },
    "inventoryitem": {
        "type": "item",
        "fields": [
            "itemid",
            "salesdescription",
            "baseprice",
            "quantityavailable",
            "class",
            "isinactive",
            "upccode"
        ],
        "sublists": []
    },
    "salesorder": {
        "type": "salesorder",
        "fields": [
            "entity",
            "trandate",
            "shipdate",
            "custbody_confirmed_at",
            "memo",
            "orderstatus",
            "shippingcost"
        ],
        "sublists": [
            {
                "id": "item",
                "key": "lineuniquekey",
                "external": "custcol_sx_line",
                "columns": [
                    "item",
                    "quantity",
                    "rate",
                    "custcol_discount"
                ]
            }
        ]
    }
}));

use serde_json::json;

use super::*;

#[test]
fn a_table_has_a_heading_and_a_row_an_item() {
    let columns = [
        Column {
            heading: "NAME",
            cell: |item| cell(item, "/name"),
        },
        Column {
            heading: "READY",
            cell: |item| cell(item, "/ready"),
        },
        Column {
            heading: "SINK",
            cell: |item| cell(item, "/sink"),
        },
    ];
    let items = [
        json!({"name": "echo", "ready": true}),
        json!({"name": "a-longer-name", "ready": false, "sink": "x"}),
    ];
    let expected = "NAME           READY  SINK\necho           true   -\na-longer-name  false  x\n";
    assert_eq!(table(&columns, &items), expected);
}

#[test]
fn yaml_is_block_style_and_quotes_what_could_be_mistaken() {
    let value = json!({
        "name": "echo",
        "delivered": 3,
        "empty": {},
        "text": "yes",
        "uri": "http://a:1/b c",
        "list": [{"a": 1, "b": [true, null]}, "x"],
        "nested": {"deep": {"deeper": "1"}}
    });
    let expected = "\
delivered: 3
empty: {}
list:
  - a: 1
    b:
      - true
      - null
  - x
name: echo
nested:
  deep:
    deeper: \"1\"
text: \"yes\"
uri: \"http://a:1/b c\"
";
    assert_eq!(yaml(&value), expected);
}

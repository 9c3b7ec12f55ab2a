use super::*;

#[test]
fn a_token_file_holds_one_visible_word() {
    for (text, is_token) in [
        ("secret\n", true),
        ("  s3.c-r_e~t  ", true),
        ("", false),
        ("\n", false),
        ("two words", false),
    ] {
        assert_eq!(Token::parse(text).is_some(), is_token, "{text:?}");
    }
}

#[test]
fn only_the_whole_token_with_the_bearer_scheme_opens() {
    let token = Token::parse("secret").unwrap();
    for (header, opens) in [
        ("Bearer secret", true),
        ("bearer secret", true),
        ("Bearer secre", false),
        ("Bearer secretsecret", false),
        ("Bearer secretx", false),
        ("Bearer ", false),
        ("Basic secret", false),
        ("secret", false),
    ] {
        assert_eq!(
            token.is_in(Some(&HeaderValue::from_static(header))),
            opens,
            "{header}"
        );
    }
    assert!(!token.is_in(None));
}

#[test]
fn a_token_is_not_printed() {
    assert_eq!(format!("{:?}", Token::parse("secret").unwrap()), "Token(..)");
}

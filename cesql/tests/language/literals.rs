//! Literals, names and white space.

use crate::{gives, refused};

#[test]
fn booleans_are_read_in_any_case() {
    for (expression, value) in [
        ("true", true),
        ("TRUE", true),
        ("tRue", true),
        ("false", false),
        ("FALSE", false),
    ] {
        gives(expression, value);
    }
}

#[test]
fn integers_have_32_bits_and_a_sign_that_touches_them() {
    for (expression, value) in [
        ("0", 0),
        ("007", 7),
        ("+12", 12),
        ("-12", -12),
        ("2147483647", i32::MAX),
        ("+2147483647", i32::MAX),
        ("-2147483648", i32::MIN),
        ("- 12", -12),
    ] {
        gives(expression, value);
    }
    refused("2147483648", "2147483648");
    refused("-2147483649", "-2147483649");
    refused("- 2147483648", "2147483648");
    refused("99999999999999999999", "99999999999999999999");
    refused("+ 12", "+");
    refused("1.5", ".");
}

#[test]
fn a_string_escapes_its_own_quote_and_keeps_every_other_backslash() {
    for (expression, value) in [
        ("''", ""),
        (r#""""#, ""),
        ("'abc'", "abc"),
        (r#""abc""#, "abc"),
        (r#"'say "hi"'"#, r#"say "hi""#),
        (r#""it's""#, "it's"),
        (r"'it\'s'", "it's"),
        (r#""say \"hi\"""#, r#"say "hi""#),
        ("'it''s'", "it's"),
        (r#""say ""hi""""#, r#"say "hi""#),
        (r#"'\"'"#, r#"\""#),
        (r#""\'""#, r"\'"),
        (r"'a\nb'", r"a\nb"),
        (r"'\\'", r"\\"),
        (r"'\%'", r"\%"),
        ("'true'", "true"),
        ("' two\n lines '", " two\n lines "),
        ("'Grüße 😀'", "Grüße 😀"),
        ("''''", "'"),
    ] {
        gives(expression, value);
    }
}

#[test]
fn an_unclosed_string_is_refused_from_its_quote_to_the_end() {
    refused("'abc", "'abc");
    refused("subject = 'abc", "'abc");
    refused(r#""abc'"#, r#""abc'"#);
    refused(r"'abc\'", r"'abc\'");
    refused("'''", "'''");
    refused(r"'\", r"'\");
}

#[test]
fn attributes_are_read_in_any_case() {
    gives("subject", "eu-1234");
    gives("SUBJECT", "eu-1234");
    gives("Subject", "eu-1234");
    gives("priority", 5);
    gives("urgent", true);
}

#[test]
fn an_attribute_name_may_start_with_digits_but_is_no_number() {
    gives("EXISTS 1st", false);
    gives("EXISTS 00f", false);
    refused("EXISTS 123", "123");
}

#[test]
fn white_space_is_space_tab_and_line_ends() {
    gives(" \t\r\n 1 \t+\r\n2 ", 3);
    gives("1+2", 3);
    gives("(\n1\n)", 1);
    gives("LENGTH\t( 'abc' )", 3);
    refused("1\u{a0}+ 2", "\u{a0}");
    refused("1\u{b}+ 2", "\u{b}");
}

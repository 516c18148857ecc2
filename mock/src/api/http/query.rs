//! Query strings.

use super::{InvalidRequest, bad_request};
use crate::api::{Category, ListAccounts, Page, SortDirection, UserType};

/// A query string.
pub(super) struct Query<'a>(pub(super) &'a str);

impl Query<'_> {
    /// The parameter `name`, if there is one.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.0.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    fn parse<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, InvalidRequest> {
        let Some(text) = self.get(name) else { return Ok(None) };
        match parse(&text) {
            Some(value) => Ok(Some(value)),
            None => Err(bad_request(format!("parameter {name} cannot be `{text}`"))),
        }
    }

    /// The record type in parameter `name`, which is required.
    pub(super) fn category(&self, name: &str) -> Result<Category, InvalidRequest> {
        self.parse(name, Category::from_name)?
            .ok_or_else(|| bad_request(format!("parameter {name} is required")))
    }

    /// The requested page.
    pub(super) fn page(&self) -> Result<Page, InvalidRequest> {
        let default = Page::default();
        let number = |text: &str| text.parse::<u32>().ok();
        Ok(Page {
            current_page: self.parse("currentPage", number)?.unwrap_or(default.current_page),
            page_size: self.parse("pageSize", number)?.unwrap_or(default.page_size),
            sort_column: self.get("sortColumn"),
            sort_direction: self.parse("sortDirection", SortDirection::from_name)?,
        })
    }

    /// Page and filters of the account list.
    pub(super) fn list_accounts(&self) -> Result<ListAccounts, InvalidRequest> {
        Ok(ListAccounts {
            page: self.page()?,
            user_type: self.parse("userType", UserType::from_name)?,
            email: self.get("email"),
            first_name: self.get("firstName"),
            last_name: self.get("lastName"),
        })
    }
}

/// `list` as a query string.
pub(super) fn of_list(list: &ListAccounts) -> String {
    let mut query = form_urlencoded::Serializer::new(of_page(&list.page));
    if let Some(user_type) = list.user_type {
        query.append_pair("userType", user_type.name());
    }
    let texts =
        [("email", &list.email), ("firstName", &list.first_name), ("lastName", &list.last_name)];
    for (name, value) in texts {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    query.finish()
}

/// The parameter of a list of fields, as a query string; empty without one.
pub(super) fn of_key(key: Option<&str>) -> String {
    let Some(key) = key else { return String::new() };
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("searchKey", key);
    format!("?{}", query.finish())
}

/// `page` as a query string.
pub(super) fn of_page(page: &Page) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("currentPage", &page.current_page.to_string());
    query.append_pair("pageSize", &page.page_size.to_string());
    query.finish()
}

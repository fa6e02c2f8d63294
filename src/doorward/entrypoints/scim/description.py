"""What this SCIM server says of itself: schemas, resource types, capabilities, tolerances.

The schemas are those of RFC 7643, without `password`, since doorward takes none from a directory,
and with the members of a group as its section 8.7.1 has them, without the `display` that some
servers add. What no schema declares is passed over, as the directories in use expect.
"""

from __future__ import annotations

from functools import cache

from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    ETag,
    External,
    Filter,
    Pagination,
    Patch,
    Reference,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
)
from scim2_server.utils import load_default_resource_types, load_default_schemas

PREFIX = "/scim/v2"
PAGE_ENTRIES = 100
MAX_PAGE_ENTRIES = 1000
MAX_BULK_OPERATIONS = 1000
MAX_BULK_BYTES = 4 * 1024 * 1024

_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


@cache
def provider() -> ScimProvider:
    """The description, the same for everybody."""
    schemas = load_default_schemas()
    user, group = schemas[_USER], schemas[_GROUP]
    user.attributes = [item for item in user.attributes or [] if item.name != "password"]
    for members in (item for item in group.attributes or [] if item.name == "members"):
        members.sub_attributes = [
            item for item in members.sub_attributes or [] if item.name != "display"
        ]
    return ScimProvider.from_discovery(
        schemas.values(),
        load_default_resource_types().values(),
        config=_config(),
        policy=ScimPolicy(
            unknown=ScimPolicy.Unknown.ignore,
            remove_value_as_filter=ScimPolicy.RemoveValue.apply,
            unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
        ),
    )


def _config() -> ServiceProviderConfig:
    return ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(
            supported=True, max_operations=MAX_BULK_OPERATIONS, max_payload_size=MAX_BULK_BYTES
        ),
        filter=Filter(supported=True, max_results=MAX_PAGE_ENTRIES),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=True),
        etag=ETag(supported=True),
        pagination=Pagination(
            cursor=False,
            index=True,
            default_pagination_method=Pagination.DefaultPaginationMethod.index,
            default_page_size=PAGE_ENTRIES,
            max_page_size=MAX_PAGE_ENTRIES,
        ),
        authentication_schemes=[
            AuthenticationScheme(
                type=AuthenticationScheme.Type.oauthbearertoken,
                name="Service token",
                description="A doorward service token, as a bearer token (RFC 6750).",
                spec_uri=Reference[External]("https://www.rfc-editor.org/rfc/rfc6750"),
                primary=True,
            )
        ],
    )

"""Admin → Users, Sites and Settings in a browser's hands: who finds them, what they say, what they do."""

import cast


def test_everybody_gets_pages(hotels: cast.Hotels) -> None:
    client = hotels.olivia.browser()
    client.post("/organizations/switch", {"organization": hotels.id})
    for path in ("/admin/users", "/admin/users/invite", f"/admin/users/{hotels.member(hotels.vera)}", "/admin/sites", "/admin/sites/add", f"/admin/sites/{hotels.north}", f"/admin/sites/{hotels.north}/delete", "/admin/settings", f"/organizations/{hotels.id}/leave",f"/admin/users/{hotels.member(hotels.vera)}/remove"):
        answer = client.get(path)
        assert answer.status_code == 200, path

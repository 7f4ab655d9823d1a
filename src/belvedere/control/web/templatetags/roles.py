"""`{{ role|role_name }}`: what a role is called, in pages and mails alike."""

from django import template

from belvedere.control.web.role_words import role_name

register = template.Library()
register.filter("role_name", role_name)

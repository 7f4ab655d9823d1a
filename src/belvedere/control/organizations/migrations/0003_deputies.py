import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import belvedere.contracts.ids


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0002_members_sites_invitations"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Deputy",
            fields=[
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("accepted", "Accepted"),
                            ("rejected", "Rejected"),
                            ("revoked", "Revoked"),
                            ("left", "Left"),
                            ("expired", "Expired"),
                        ],
                        default="pending",
                        max_length=10,
                    ),
                ),
                ("offered_at", models.DateTimeField()),
                ("decided_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("ended_by", models.CharField(default="", max_length=26)),
                ("ended_reason", models.CharField(default="", max_length=40)),
                (
                    "id",
                    models.CharField(
                        default=belvedere.contracts.ids.new_id, max_length=26, primary_key=True, serialize=False
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "named_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deputies",
                        to="organizations.organization",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["pending", "accepted"])),
                        fields=("organization",),
                        name="organizations_deputy_one_each",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="OwnershipClaim",
            fields=[
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("accepted", "Accepted"),
                            ("rejected", "Rejected"),
                            ("revoked", "Revoked"),
                            ("left", "Left"),
                            ("expired", "Expired"),
                        ],
                        default="pending",
                        max_length=10,
                    ),
                ),
                ("offered_at", models.DateTimeField()),
                ("decided_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("ended_by", models.CharField(default="", max_length=26)),
                ("ended_reason", models.CharField(default="", max_length=40)),
                (
                    "id",
                    models.CharField(
                        default=belvedere.contracts.ids.new_id, max_length=26, primary_key=True, serialize=False
                    ),
                ),
                ("due_at", models.DateTimeField()),
                ("reminders", models.IntegerField(default=0)),
                ("change_id", models.CharField(default="", max_length=26)),
                (
                    "claimant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="claims",
                        to="organizations.organization",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "pending")),
                        fields=("organization",),
                        name="organizations_claim_one_pending",
                    )
                ],
            },
        ),
    ]

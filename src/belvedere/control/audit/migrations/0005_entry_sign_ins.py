from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0004_entry_actor"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(
                condition=models.Q(("action", "session.started"), ("fields__isnull", False)),
                fields=["at"],
                name="audit_entry_sign_in",
            ),
        ),
    ]

"""What the platform team owns: gates, hooks, promotion and evidence, attached to pipelines from outside."""
